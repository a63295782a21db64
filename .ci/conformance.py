"""Holds real replies of every kind against OpenAI's schemas and stream rules.

`conformance.py BINARY CHECKER`: the first is the proxy, the second a program that reads one reply.
"""

import http.server
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from proxy import running

BINARY, CHECKER = sys.argv[1:]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
checked = 0


def ask(url, body=None, headers=None):
    """The body of a reply, whatever its status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def check(name, kind, status, reply, *options, wanted=200):
    global checked
    assert status == wanted, f"{name}: status {status}, wanted {wanted}: {reply[:300]}"
    done = subprocess.run(
        [sys.executable, CHECKER, kind, *options], input=reply, capture_output=True
    )
    print(f"{name}: {done.stdout.decode().strip()}")
    assert done.returncode == 0, f"{name}: {done.stdout.decode()}{done.stderr.decode()}"
    checked += 1


def chat(model, text, **fields):
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


class BreakingUpstream(http.server.BaseHTTPRequestHandler):
    """Begins a reply and closes the connection in the middle of it."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
        for event in [
            {"type": "response.created", "response": {"id": "resp_1"}},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {
                "type": "response.output_text.delta",
                "item_id": "msg_1",
                "output_index": 0,
                "content_index": 0,
                "delta": "Half an ans",
            },
        ]:
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            self.wfile.write(data.encode())

    def log_message(self, *_):
        pass


def demo():
    with running(BINARY, "demo") as url:
        completions = f"{url}/v1/chat/completions"
        usage = {"stream": True, "stream_options": {"include_usage": True}}
        # `omed` is the demo's name reversed: its reasoning comes as <think>.
        for model in ["demo", "omed", "demo-high"]:
            for name, text, tools in [
                ("text", "Hello", {}),
                ("tool call", "Use get_weather for Oslo", {"tools": [TOOL]}),
            ]:
                body = chat(model, text, **tools)
                status, reply = ask(completions, body)
                check(f"{model}, {name}", "chat", status, reply, "--model", model)
                for kind, fields in [("stream", {"stream": True}), ("usage", usage)]:
                    status, reply = ask(f"{url}/chat/completions", {**body, **fields})
                    title = f"{model}, {name}, {kind}"
                    check(title, "chat-stream", status, reply, "--model", model)
        check("models", "models", *ask(f"{url}/v1/models"))
        for name, wanted, reply in [
            ("bad request", 400, ask(completions, {"model": "demo"})),
            ("unknown path", 404, ask(f"{url}/v2")),
            ("wrong method", 405, ask(completions)),
            ("forwarded", 401, ask(f"{url}/v1/models", headers={"cf-ray": "1"})),
        ]:
            check(name, "error", *reply, wanted=wanted)


def broken():
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BreakingUpstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    config = f"""
        model_provider = "broken"
        [model_providers.broken]
        name = "broken"
        base_url = "http://127.0.0.1:{upstream.server_port}/v1"
        wire_api = "responses"
    """
    with running(BINARY, codex_config=config) as url:
        completions = f"{url}/v1/chat/completions"
        status, reply = ask(completions, chat("gpt-5.2", "Hello", stream=True))
        check("broken stream", "chat-stream", status, reply, "--expect-error")
        status, reply = ask(completions, chat("gpt-5.2", "Hello"))
        check("broken reply", "error", status, reply, wanted=502)
    with running(BINARY) as url:
        status, reply = ask(f"{url}/v1/chat/completions", chat("gpt-5.2", "Hello"))
        check("no login", "error", status, reply, wanted=401)


demo()
broken()
print(f"{checked} replies, no findings")
