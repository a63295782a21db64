"""An MCP server over stdio with one tool, which adds two numbers and shows a picture."""

import json
import sys

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NUMBER = {"type": "number"}
TOOL = {
    "name": "add",
    "description": "Adds two numbers.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": NUMBER, "b": NUMBER},
        "required": ["a", "b"],
    },
}


def result(method, params):
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "calculator", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        numbers = params["arguments"]
        said = {"type": "text", "text": f"sum-{numbers['a'] + numbers['b']}"}
        return {"content": [said, {"type": "image", "mimeType": "image/png", "data": PIXEL}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        reply = result(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": reply}), flush=True)
