"""Holds every reply that the tests have kept against OpenAI's schemas and stream rules.

`conformance.py CHECKER FOLDER`: the first is a program that reads one reply and prints what it finds;
the second holds the replies as `reply-….KIND`, which the tests write where KEEP_REPLIES_IN says.
"""

import collections
import json
import pathlib
import subprocess
import sys

import jsonschema

CHECKER, FOLDER = map(pathlib.Path, sys.argv[1:])
ERROR = json.loads((CHECKER.parent.parent / "openai-schemas" / "error.json").read_text())
KINDS = [
    "chat",
    "chat-stream",
    "chat-stream-error",
    "error",
    "models",
    "responses",
    "responses-stream",
    "responses-stream-error",
]


def findings(kind, reply):
    # The checker takes null fields away before it looks, and OpenAI's schema of an error wants
    # `param` and `code` to be there, null or not. So errors are held against the schema itself.
    if kind == "error":
        found = jsonschema.Draft202012Validator(ERROR).iter_errors(json.loads(reply.read_bytes()))
        return [error.message for error in found]
    failed_stream = kind.removesuffix("-error")
    arguments = [kind] if kind == failed_stream else [failed_stream, "--expect-error"]
    command = [sys.executable, CHECKER, *arguments]
    done = subprocess.run(command, input=reply.read_bytes(), capture_output=True)
    text = (done.stdout + done.stderr).decode()
    return [] if done.returncode == 0 else text.splitlines()


counts = collections.Counter()
failed = 0
for reply in sorted(FOLDER.iterdir()):
    kind = reply.suffix.removeprefix(".")
    counts[kind] += 1
    for finding in findings(kind, reply):
        failed += 1
        print(f"{reply}: {finding}")
print(", ".join(f"{counts[kind]} {kind}" for kind in KINDS), f"replies: {failed} findings")
missing = [kind for kind in KINDS if not counts[kind]]
assert not missing, f"no reply was kept of these kinds: {missing}"
sys.exit(failed != 0)
