"""The Codex CLI through the proxy to a model server that only has Chat Completions:
`check.py BINARY CODEX`. Each check is one or two whole runs of `codex exec`.
"""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from chat_server import ChatServer, Refusal, calls, summary, text, thoughts  # noqa: E402
from codex import CLIENT_KEY, SECONDS, Cli  # noqa: E402
from proxy import running  # noqa: E402

BINARY, CODEX = sys.argv[1:]
SERVER_KEY = "key-of-the-server"
# A name that the CLI does not know, as those of Ollama are, and two whose tools it adapts.
UNKNOWN, WITH_PATCH, WITH_CODE = "llama3.3:70b", "gpt-5.5", "gpt-6.1-sol"
# What Chat Completions has and a translation of these requests may use.
CHAT_MEMBERS = {
    "max_completion_tokens",
    "messages",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "tool_choice",
    "tools",
    "user",
    "verbosity",
}
PATCH = """*** Begin Patch
*** Add File: made.txt
+{line}
*** End Patch
"""


def is_chat(request, model):
    """A request is one of Chat Completions, whatever the CLI said in terms of Responses."""
    body = request.body
    assert request.headers["authorization"] == f"Bearer {SERVER_KEY}", "the server's own key"
    assert CLIENT_KEY not in json.dumps([request.headers, body]), "the client's key went on"
    assert set(body) <= CHAT_MEMBERS, sorted(set(body) - CHAT_MEMBERS)
    assert body["model"] == model, body["model"]
    assert body["stream"] is True and body["stream_options"]["include_usage"] is True
    first, *others = body["messages"]
    assert first["role"] == "system" and "Codex" in first["content"], first
    assert {message["role"] for message in others} <= {"system", "user", "assistant", "tool"}
    for tool in body["tools"]:
        assert set(tool) == {"type", "function"} and tool["type"] == "function", tool
        function = tool["function"]
        assert set(function) <= {"name", "description", "parameters", "strict"}, function
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function["name"]), function["name"]
        assert function["parameters"]["type"] == "object", function
    names = tools(body)
    assert len(names) == len(set(names)), names


def tools(body):
    return [tool["function"]["name"] for tool in body["tools"]]


def called(body):
    """The functions that were called so far."""
    for message in body["messages"]:
        for call in message.get("tool_calls", []):
            yield call["function"]


def answers(body):
    """What the tools said, by the ids of their calls. Each answers the calls before it."""
    found, open_calls = {}, set()
    for message in body["messages"]:
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
            found[message["tool_call_id"]] = message["content"]
        else:
            assert not open_calls, f"{open_calls} have no answer before {message}"
            for call in message.get("tool_calls", []):
                json.loads(call["function"]["arguments"])
                open_calls.add(call["id"])
    assert not open_calls, open_calls
    return found


def marker():
    """A command, and what it prints; the command does not hold that."""
    a, b = random.sample(range(1000, 10000), 2)
    return f"echo marker-$(({a}*{b}))", f"marker-{a * b}"


def repeat_marker(body):
    """Answers with the markers in what the tools said."""
    found = re.findall(r"marker-\d+", json.dumps(answers(body)))
    return text("The tools said ", " and ".join(found), ".")


def text_answer(cli, chat):
    """E1: Chinese text in fragments, a long piece, reasoning before them."""
    pieces = ["你好", "，世", "界。", "x" * 10_000]
    chat.expect(lambda _: text(*pieces, before=thoughts("**Thinking** ", "hard")))
    cli.run(UNKNOWN, "Greet me", "-c", "model_reasoning_effort=high")
    cli.succeeded(requests=1)
    assert cli.said == ["".join(pieces)], cli.said
    assert [item["text"] for item in cli.items("reasoning")] == ["**Thinking** hard"]

    (body,) = chat.bodies
    assert body["reasoning_effort"] == "high", body["reasoning_effort"]
    # Messages of the user that stand side by side are one.
    last = body["messages"][-1]
    assert last["role"] == "user" and last["content"].endswith("\n\nGreet me"), last
    assert "exec_command" in tools(body) and "web_search" not in tools(body), tools(body)


def command_loop(cli, chat):
    """Its own commands, one and then two at once whose fragments alternate, then another run."""
    commands = [marker() for _ in range(3)]
    arguments = [{"cmd": command} for command, _ in commands]
    ids = ["call_a", "call_b", "call_c"]
    asks = [(identity, "exec_command", given) for identity, given in zip(ids, arguments)]
    chat.expect(
        lambda _: calls(asks[0], before=[{"content": "Looking."}]),
        lambda _: calls(*asks[1:]),
        repeat_marker,
    )
    cli.run(UNKNOWN, "Run these")
    cli.succeeded(requests=3)
    printed = [item["aggregated_output"] for item in cli.items("command_execution")]
    assert sorted(printed) == sorted(f"{output}\n" for _, output in commands), printed
    final = f"The tools said {' and '.join(output for _, output in commands)}."
    assert cli.said == ["Looking.", final], cli.said

    said = answers(chat.bodies[-1])
    assert list(said) == ids, said
    for (_, output), content in zip(commands, said.values()):
        assert output in content, content
    asked = [json.loads(call["arguments"]) for call in called(chat.bodies[-1])]
    assert asked == arguments, asked

    chat.expect(lambda _: text("Still here."))
    cli.run(UNKNOWN, "Go on", "resume", "--last")
    assert cli.code == 0 and cli.said == ["Still here."], cli.said
    (body,) = chat.bodies
    assert answers(body) == said, body["messages"]
    earlier, last = body["messages"][-2:]
    assert (earlier["role"], earlier["content"]) == ("assistant", final), earlier
    assert last == {"role": "user", "content": "Go on"}, last


def patch(cli, chat):
    """A custom tool, which Chat lacks: the CLI gets its text as it is, and makes the file."""
    _, line = marker()
    text_of_patch = PATCH.format(line=line)
    chat.expect(
        lambda _: calls(("call_p", "apply_patch", {"input": text_of_patch})),
        lambda body: text("Done: ", "Success" if "Success" in answers(body)["call_p"] else "not"),
    )
    cli.run(WITH_PATCH, "Make a file")
    cli.succeeded(requests=2)
    assert cli.said == ["Done: Success"], cli.said
    assert (cli.work / "made.txt").read_text() == f"{line}\n"

    first, second = chat.bodies
    functions = [tool["function"] for tool in first["tools"]]
    (tool,) = [function for function in functions if function["name"] == "apply_patch"]
    assert tool["parameters"]["required"] == ["input"], tool
    assert "begin_patch" in tool["description"], "the grammar is in the description"
    (call,) = called(second)
    assert json.loads(call["arguments"]) == {"input": text_of_patch}, call
    assert first["reasoning_effort"] == "medium" and first["verbosity"] == "low", first


def namespaced_tool(cli, chat):
    """A tool of an MCP server, which the CLI knows by two names, and a picture in its result."""
    chat.expect(
        lambda _: calls(("call_n", "mcp__calculator__add", {"a": 40, "b": 2})),
        lambda body: text("It says ", *re.findall(r"sum-\d+", answers(body)["call_n"])),
    )
    cli.run(UNKNOWN, "Add")
    cli.succeeded(requests=2)
    (item,) = cli.items("mcp_tool_call")
    assert (item["server"], item["tool"]) == ("calculator", "add"), item
    assert cli.said == ["It says sum-42"], cli.said
    assert "mcp__calculator__add" in tools(chat.bodies[0]), tools(chat.bodies[0])
    shown = chat.bodies[1]["messages"][-1]
    assert shown["role"] == "user", shown
    assert any(part["type"] == "image_url" for part in shown["content"]), shown


def tools_in_the_input(cli, chat):
    """Newer models get their tools in an item of the input: JavaScript that runs commands."""
    command, output = marker()
    source = f"""const done = await tools.exec_command({{cmd: {json.dumps(command)}}});
text(done.output);"""

    def run_code(body):
        (name,) = [name for name in tools(body) if name.split("__")[-1] == "exec"]
        return calls(("call_x", name, {"input": source}))

    chat.expect(run_code, repeat_marker)
    cli.run(WITH_CODE, "Run this")
    cli.succeeded(requests=2)
    assert cli.said == [f"The tools said {output}."], cli.said


def output_schema(cli, chat):
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    (cli.work / "schema.json").write_text(json.dumps(schema))
    chat.expect(lambda _: text('{"answer":', ' "yes"}'))
    cli.run(UNKNOWN, "Answer", "--output-schema", "schema.json")
    cli.succeeded(requests=1)
    assert cli.said == ['{"answer": "yes"}'], cli.said
    wanted = chat.bodies[0]["response_format"]
    assert wanted["type"] == "json_schema" and wanted["json_schema"]["schema"] == schema, wanted
    assert wanted["json_schema"]["name"] and wanted["json_schema"]["strict"] is True, wanted


def slow_answer(cli, chat):
    """The CLI waits for events, and comments are none: a server may take longer than it waits."""

    def answer(_):
        time.sleep(8)
        return text("At last.")

    chat.expect(answer)
    cli.run(UNKNOWN, "Talk", "-c", "model_providers.proxy.stream_idle_timeout_ms=5000")
    cli.succeeded(requests=1)
    assert cli.said == ["At last."], cli.said


def websocket_refused(cli, chat):
    """Asked for a WebSocket, the CLI takes the first no for an answer and goes on without."""
    chat.expect(lambda _: text("Over HTTP."))
    cli.run(UNKNOWN, "Talk", "-c", "model_providers.proxy.supports_websockets=true")
    cli.succeeded(requests=1)
    assert cli.said == ["Over HTTP."], cli.said
    assert "Reconnecting" not in cli.stdout, cli.stdout


def answer_cut_short(cli, chat):
    chat.expect(lambda _: text("Half of", finish_reason="length"))
    cli.run(UNKNOWN, "Talk")
    assert "max_output_tokens" in cli.failure, cli.failure
    assert cli.said == ["Half of"], cli.said


def stream_broken_off(cli, chat):
    chat.expect(lambda _: text("Half of", finish_reason=None))
    cli.run(UNKNOWN, "Talk")
    # What the CLI says where a stream just ends; the proxy has to say more than that.
    assert "closed before response.completed" not in cli.failure, cli.failure
    assert "upstream" in cli.failure, cli.failure


def refused(cli, chat):
    chat.expect(lambda _: Refusal(400, {"message": "no model of that name", "code": "nope"}))
    cli.run(UNKNOWN, "Talk")
    assert "no model of that name" in cli.failure, cli.failure


CHECKS = [
    text_answer,
    command_loop,
    patch,
    namespaced_tool,
    tools_in_the_input,
    output_schema,
    slow_answer,
    websocket_refused,
    answer_cut_short,
    stream_broken_off,
    refused,
]


def passes(check, url, chat):
    with tempfile.TemporaryDirectory() as folder:
        cli = Cli(CODEX, url, pathlib.Path(folder))
        try:
            check(cli, chat)
            assert not chat.script, f"{len(chat.script)} answers were not asked for"
            for request in chat.requests:
                is_chat(request, cli.model)
        except Exception:
            print(f"FAILED {check.__name__}", traceback.format_exc(), *chat.faults, sep="\n")
            print("-- the CLI said", cli.stdout, cli.stderr, sep="\n")
            print("-- the server was asked", *map(summary, chat.requests), sep="\n")
            return False
    return True


def main():
    done = subprocess.run([CODEX, "--version"], capture_output=True, text=True, timeout=SECONDS)
    version = done.stdout.strip()
    chat = ChatServer()
    with chat.running() as base_url, tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "config.toml"
        config.write_text("[server]\nkeep_alive_seconds = 1\n")
        provider = {
            "UPSTREAM_BASE_URL": base_url,
            "UPSTREAM_API_KEY": SERVER_KEY,
            "UPSTREAM_RETRIES": "0",
            "UPSTREAM_SUPPORTS_RESPONSES": "0",
        }
        with running(BINARY, "--config", str(config), env=provider) as url:
            results = [passes(check, url, chat) for check in CHECKS]
    if not all(results):
        sys.exit(f"{results.count(False)} of {len(results)} checks with {version} failed")
    print(f"{version}: {len(results)} checks passed")


main()
