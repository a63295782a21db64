"""The official Python SDK against the demo: `smoke.py BINARY`."""

import pathlib
import sys

import openai

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from proxy import running  # noqa: E402

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def check(client):
    ids = [model.id for model in client.models.list()]
    assert "demo" in ids and "omed" in ids, ids
    assert client.models.retrieve("demo").id == "demo"

    hello = [{"role": "user", "content": "Hello"}]
    reply = client.chat.completions.create(model="demo", messages=hello)
    assert reply.model == "demo"
    assert reply.choices[0].finish_reason == "stop"
    assert "Hello" in reply.choices[0].message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens

    text, finish, usage = "", [], None
    stream = client.chat.completions.create(
        model="omed", messages=hello, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        assert chunk.model == "omed"
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish += [choice.finish_reason] if choice.finish_reason else []
    assert text.startswith("<think>") and "Hello" in text, text
    assert finish == ["stop"] and usage.completion_tokens > 0

    messages = [{"role": "user", "content": "Use get_weather for Oslo"}]
    reply = client.chat.completions.create(model="demo", messages=messages, tools=[TOOL])
    message = reply.choices[0].message
    assert reply.choices[0].finish_reason == "tool_calls"
    (call,) = message.tool_calls
    assert call.function.name == "get_weather"
    messages.append(message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain, 7 degrees"})
    reply = client.chat.completions.create(model="demo", messages=messages, tools=[TOOL])
    assert "rain, 7 degrees" in reply.choices[0].message.content, reply

    try:
        client.chat.completions.create(model="demo", messages=hello, n=2)
        raise AssertionError("n = 2 was taken")
    except openai.BadRequestError as error:
        assert error.param == "n", error


with running(sys.argv[1], "demo") as url:
    for base_url in [f"{url}/v1", url]:
        check(openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0))
print(f"openai {openai.__version__} for Python: passed")
