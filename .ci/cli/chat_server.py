"""A model server that speaks Chat Completions and nothing else. It answers by a script."""

import collections
import contextlib
import dataclasses
import http.server
import itertools
import json
import threading
import traceback

USAGE = {
    "prompt_tokens": 70,
    "completion_tokens": 20,
    "total_tokens": 90,
    "prompt_tokens_details": {"cached_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 8},
}


@dataclasses.dataclass
class Reply:
    """The deltas of one answer. Without a finish reason the stream breaks off after them."""

    deltas: list
    finish_reason: str | None = "stop"


@dataclasses.dataclass
class Refusal:
    """An error in place of an answer."""

    status: int
    error: dict


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: dict | None


def text(*pieces, before=(), finish_reason="stop"):
    return Reply([*before, *({"content": piece} for piece in pieces)], finish_reason)


def thoughts(*pieces):
    return [{"reasoning_content": piece} for piece in pieces]


def calls(*calls, before=()):
    """Calls of functions, each `(id, name, arguments)`: their fragments come in turns."""
    tracks = [fragments(index, *call) for index, call in enumerate(calls)]
    mixed = [step for steps in itertools.zip_longest(*tracks) for step in steps if step]
    return Reply([*before, *({"tool_calls": [step]} for step in mixed)], "tool_calls")


def fragments(index, identity, name, arguments, count=4):
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    size = max(1, -(-len(arguments) // count))
    yield {
        "index": index,
        "id": identity,
        "type": "function",
        "function": {"name": name, "arguments": ""},
    }
    for start in range(0, len(arguments), size):
        yield {"index": index, "function": {"arguments": arguments[start : start + size]}}


class ChatServer:
    """What it was asked is in `requests`. `script` makes the replies to come, each of a body."""

    def __init__(self):
        self.requests = []
        self.faults = []
        self.script = collections.deque()

    @property
    def bodies(self):
        return [request.body for request in self.requests if request.method == "POST"]

    def expect(self, *script):
        self.requests, self.faults = [], []
        self.script = collections.deque(script)

    def reply(self, request):
        self.requests.append(request)
        if request.method == "GET" and request.path == "/v1/models":
            return {"object": "list", "data": []}
        if request.method != "POST" or request.path != "/v1/chat/completions":
            return Refusal(404, {"message": f"{request.method} {request.path}: unknown here"})
        try:
            return self.script.popleft()(request.body)
        except Exception:
            self.faults.append(f"no answer to {summary(request)}\n{traceback.format_exc()}")
            return Refusal(400, {"message": "the script has no answer to this"})

    @contextlib.contextmanager
    def running(self):
        """Its base URL."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            server.server_close()


def handler(chat):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer()

        def do_POST(self):
            self.answer()

        def answer(self):
            data = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(data) if data else None
            reply = chat.reply(Request(self.command, self.path, headers, body))
            if isinstance(reply, Reply):
                self.stream(body, reply)
            elif isinstance(reply, Refusal):
                self.whole(reply.status, {"error": reply.error})
            else:
                self.whole(200, reply)

        def whole(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def stream(self, body, reply):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.event(chunk(body, {"role": "assistant", "content": ""}))
            for delta in reply.deltas:
                self.event(chunk(body, delta))
            if reply.finish_reason is None:
                self.close_connection = True
                return
            self.event(chunk(body, {}, reply.finish_reason))
            if (body.get("stream_options") or {}).get("include_usage"):
                self.event({**chunk(body, {}), "choices": [], "usage": USAGE})
            self.piece(b"data: [DONE]\n\n")
            self.piece(b"")

        def event(self, event):
            self.piece(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())

        def piece(self, data):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def log_message(self, *_):
            pass

    return Handler


def chunk(body, delta, finish_reason=None):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def summary(request):
    """A request in a few lines, for a failure's report."""
    body = request.body or {}
    lines = [f"{request.method} {request.path} {sorted(body)}"]
    lines += [f"    {json.dumps(message)[:400]}" for message in body.get("messages", [])]
    return "\n".join(lines)
