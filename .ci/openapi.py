"""Holds the proxy to its own OpenAPI document, with schemathesis and the demo.

`openapi.py BINARY`: asks it for the document, checks that it is one, and has requests made of it, right
and wrong ones, below both prefixes. Replies may have no members that the document does not tell of.
What is left out, and why: openapi/schemathesis.toml.
"""

import collections
import contextlib
import copy
import functools
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

import proxy

KEY = "cop_the-key-of-this-check"
HERE = pathlib.Path(__file__).parent / "openapi"
# Beside each other, because the demo takes its time to answer. In seconds.
TIME = 150
TURNS = "^(Chat|Responses|Conversations)$"
RUNS = {
    "turns": [f"--include-tag-regex={TURNS}", "--phases=examples,coverage,fuzzing"],
    # One after the other, as links lead. Cancelling asks for nothing but an id, so that every story would
    # begin, and end, with it.
    "turns without /v1": [
        f"--include-tag-regex={TURNS}",
        "--exclude-operation-id=cancelResponse",
        "--phases=examples,stateful",
    ],
    "the rest": [f"--exclude-tag-regex={TURNS}"],
}
# What is never answered with 2xx: one wants a WebSocket, the other a response that is being made, and
# schemathesis reads each to its end.
NEVER = {"GET /logs/api/ws", "POST /responses/{id}/cancel"}


def document(url):
    """The document that the proxy serves."""
    request = urllib.request.Request(
        f"{url}/openapi.json", headers={"authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        found = json.load(reply)
    errors = [str(error) for error in OpenAPIV31SpecValidator(found).iter_errors()]
    assert not errors, errors
    return found


def close(found):
    """Forbids members of replies that the document does not name."""
    schemas = found["components"]["schemas"]
    seen = set()

    def walk(node):
        if isinstance(node, list):
            for part in node:
                walk(part)
        if not isinstance(node, dict):
            return
        name = node.get("$ref", "").removeprefix("#/components/schemas/")
        if name in schemas and name not in seen:
            seen.add(name)
            walk(schemas[name])
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for part in node.values():
            walk(part)

    for path in found["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                walk(operation["responses"])
    walk(found["components"]["responses"])


def at(found, url, prefix):
    """The document for this address and one of its prefixes, with the key to log in with."""
    found = copy.deepcopy(found)
    login = found["paths"]["/logs/login"]["post"]["requestBody"]["content"]["application/json"]
    login["example"] = {"key": KEY}
    for path in found["paths"].values():
        path["servers"] = [{"url": url if "servers" in path else url + prefix}]
    return found


def operations(found):
    """The operations, as schemathesis calls them."""
    return [
        f"{method.upper()} {path}"
        for path, item in found["paths"].items()
        for method, operation in item.items()
        if "operationId" in operation
    ]


@contextlib.contextmanager
def served(folder):
    """The address of the files in a folder: of a document in a file, schemathesis ignores the servers."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Tells nobody what it serves."""

    def log_message(self, *_):
        pass


def run(found, arguments, folder, files, name):
    """Starts schemathesis."""
    path = folder / f"{name.replace(' ', '-').replace('/', '')}.json"
    path.write_text(json.dumps(found))
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += [f"--config-file={HERE / 'schemathesis.toml'}", "run", f"{files}/{path.name}"]
    command += [f"--max-time={TIME}", *arguments]
    output = open(path.with_suffix(".txt"), "w+")
    environment = {**os.environ, "OPENAPI_KEY": KEY, "PYTHONPATH": str(HERE)}
    environment["OPENAPI_ANSWERED"] = str(path.with_suffix(".answered"))
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
    )
    return process, output, path.with_suffix(".answered")


def main(binary):
    failed = []
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = stack.enter_context(served(folder))
        started = {}
        for name, arguments in RUNS.items():
            # One proxy each: what one run deletes, another may be using.
            url = stack.enter_context(proxy.running(binary, "demo", env={"PROXY_API_KEY": KEY}))
            found = document(url)
            prefixes = [server["url"].rstrip("/") for server in found["servers"]]
            assert prefixes == ["/v1", ""], prefixes
            close(found)
            found = at(found, url, prefixes["without" in name])
            started[name] = run(found, arguments, folder, files, name)
            stack.callback(started[name][0].kill)
        statuses = {operation: collections.Counter() for operation in operations(found)}
        for name, (process, output, answered) in started.items():
            if process.wait(timeout=TIME + 120) != 0:
                failed.append(name)
            output.seek(0)
            lines = output.read().splitlines()
            print(f"-- {name}", *(lines if name in failed else lines[-12:]), sep="\n")
            if answered.exists():
                for operation, counts in json.loads(answered.read_text()).items():
                    statuses[operation].update(counts)
    print("-- answers")
    for operation, counts in sorted(statuses.items()):
        print(operation, dict(sorted(counts.items())))
        if operation not in NEVER and not any(status.startswith("2") for status in counts):
            failed.append(f"{operation} was never answered well")
    assert not failed, f"the document and the proxy do not agree: {', '.join(failed)}"


if __name__ == "__main__":
    main(sys.argv[1])
