"""Plays recorded traffic of Cursor, and holds the replies against OpenAI's schemas and stream rules:
`recordings.py BINARY CHECKER FOLDER`.

The folder holds recordings of another proxy, a folder each. `downstream_request.json` is what Cursor
sent, `upstream_request.json` the same in the shape of Responses, which some builds of Cursor send to
the chat routes: both are sent to the demo. `upstream_response.sse` is what a Responses API answered:
Cursor's requests are sent once more with that as the upstream's answer. The author of the recordings
replaced every tool's name by one word, so the tools are numbered here.
"""

import http.server
import json
import pathlib
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from proxy import running

BINARY, CHECKER, FOLDER = sys.argv[1:]
RECORDINGS = sorted(path for path in pathlib.Path(FOLDER).iterdir() if path.is_dir())
ROUTES = ["/v1/chat/completions", "/chat/completions"]
FIRST_TOOL = "tool_0"


def request(path, **fields):
    """A recorded body with a name of its own for each tool. Calls in it are all of the first."""
    body = json.loads(path.read_text())
    for number, tool in enumerate(body["tools"]):
        tool.get("function", tool)["name"] = f"tool_{number}"
    for message in body.get("messages", []):
        for call in message.get("tool_calls", []):
            call["function"]["name"] = FIRST_TOOL
    for item in body.get("input", []):
        if item.get("type") == "function_call":
            item["name"] = FIRST_TOOL
    return {**body, **fields}


def post(url, body):
    """Status and body of the reply."""
    data = json.dumps(body).encode()
    sent = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(sent, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def findings(body, status, reply):
    if status != 200:
        return [f"status {status}: {reply.decode()}"]
    kind = "chat-stream" if body["stream"] else "chat"
    command = [sys.executable, CHECKER, kind, "--model", body["model"]]
    done = subprocess.run(command, input=reply, capture_output=True)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).decode().splitlines()


def to_the_demo():
    with running(BINARY, "demo") as url:
        for path in (path for folder in RECORDINGS for path in sorted(folder.glob("*_request.json"))):
            for route in ROUTES:
                for stream in [True, False]:
                    body = request(path, stream=stream)
                    found = findings(body, *post(url + route, body))
                    yield f"{path.parent.name}/{path.name} to {route}, stream {stream}", found


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers every request with the same recording."""

    answer = b""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_):
        pass


def from_the_upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = f"""
        model_provider = "recorded"
        [model_providers.recorded]
        name = "recorded"
        base_url = "http://127.0.0.1:{server.server_port}/v1"
        wire_api = "responses"
        request_max_retries = 0
        stream_max_retries = 0
    """
    with running(BINARY, codex_config=config) as url:
        for folder in RECORDINGS:
            answer = (folder / "upstream_response.sse").read_text()
            Upstream.answer = answer.replace('"name":"REDACTED"', f'"name":"{FIRST_TOOL}"').encode()
            failed = "event: response.failed" in answer
            for stream in [True, False]:
                body = request(folder / "downstream_request.json", stream=stream)
                status, reply = post(url + ROUTES[0], body)
                if not failed:
                    found = findings(body, status, reply)
                elif status >= 500 and json.loads(reply)["error"]["message"]:
                    found = []
                else:
                    found = [f"a failure came through as status {status}: {reply.decode()}"]
                yield f"{folder.name}/upstream_response.sse, stream {stream}", found


played = failed = 0
for what, found in [*to_the_demo(), *from_the_upstream()]:
    played += 1
    failed += len(found)
    for finding in found:
        print(f"{what}: {finding}")
print(f"{played} exchanges: {failed} findings")
assert RECORDINGS, f"no recordings in {FOLDER}"
sys.exit(failed != 0)
