"""The official Python SDK against the demo: `smoke.py BINARY`."""

import json
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

    error = refused(
        openai.BadRequestError,
        lambda: client.chat.completions.create(model="demo", messages=hello, n=2),
    )
    assert error.param == "n", error


def check_responses(client):
    create = client.responses.create
    reply = create(model="demo", input="Hello")
    assert reply.status == "completed" and reply.model == "demo", reply
    assert "Hello" in reply.output_text
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens
    assert client.responses.retrieve(reply.id).to_dict() == reply.to_dict()
    (item,) = client.responses.input_items.list(reply.id)
    assert item.role == "user" and item.content[0].text == "Hello", item

    check_streams(client)
    check_loop(client)

    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "name": "place", "schema": schema, "strict": True}
    placed = create(model="demo", input="Oslo", text={"format": form})
    assert list(json.loads(placed.output_text)) == ["city"], placed.output_text
    assert placed.text.format.name == "place"

    refused(openai.BadRequestError, lambda: client.responses.cancel(reply.id))
    refused(openai.BadRequestError, lambda: create(model="demo", input="Hi", background=True))
    client.responses.delete(reply.id)
    refused(openai.NotFoundError, lambda: client.responses.retrieve(reply.id))
    refused(openai.NotFoundError, lambda: client.responses.cancel(reply.id))
    error = refused(
        openai.BadRequestError,
        lambda: create(model="demo", input="Hi", previous_response_id=reply.id),
    )
    assert error.code == "previous_response_not_found", error


def check_streams(client):
    asked = {"model": "omed", "input": "Hello", "reasoning": {"summary": "auto"}}
    text, thought, kinds, response = "", "", [], None
    for number, event in enumerate(client.responses.create(stream=True, **asked)):
        assert event.sequence_number == number, event
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.reasoning_summary_text.delta":
            thought += event.delta
        response = getattr(event, "response", response)
    assert kinds[:2] == ["response.created", "response.in_progress"], kinds
    assert kinds[-1] == "response.completed" and kinds.count(kinds[-1]) == 1, kinds
    assert response.output_text == text and "Hello" in text, text
    assert response.model == "omed"
    reasoning = [item for item in response.output if item.type == "reasoning"]
    shown = [part.text for item in reasoning for part in item.summary]
    assert thought and "".join(shown) == thought, shown

    # The SDK's own accumulator.
    with client.responses.stream(**asked) as stream:
        final = stream.get_final_response()
    assert final.status == "completed" and final.output_text == text, final


def check_loop(client):
    flat = {"type": "function", "strict": False, **TOOL["function"]}
    asked = {"model": "demo", "tools": [flat]}
    reply = client.responses.create(input="Use get_weather for Oslo", **asked)
    (call,) = [item for item in reply.output if item.type == "function_call"]
    assert call.name == "get_weather" and "city" in json.loads(call.arguments), call
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain, 7 degrees"}
    told = client.responses.create(input=[result], previous_response_id=reply.id, **asked)
    assert "rain, 7 degrees" in told.output_text, told
    assert told.previous_response_id == reply.id
    thanked = client.responses.create(model="demo", input="Thanks", previous_response_id=told.id)
    assert "Thanks" in thanked.output_text, thanked


def refused(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


with running(sys.argv[1], "demo") as url:
    for base_url in [f"{url}/v1", url]:
        client = openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0)
        check(client)
        check_responses(client)
print(f"openai {openai.__version__} for Python: passed")
