"""What schemathesis is to check beside its own checks."""

import atexit
import collections
import json
import os
import pathlib
import re
from urllib.parse import parse_qsl, urlsplit

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

# The words for a body whose shape is wrong, whatever it asks for.
SHAPES = {
    "empty_array",
    "empty_string",
    "invalid_type",
    "missing_required_parameter",
    "unsupported_parameter",
}
# Integers of more than 64 bits, which JSON has and the proxy has not.
TOO_LARGE = re.compile("expected (a whole number|an integer), but got (an integer|a decimal number)")
KEYS = {"authorization", "x-api-key", "api-key", "cookie"}
asked = set()
# How often each operation was answered with each status: for whoever started this.
answered = collections.defaultdict(collections.Counter)
atexit.register(lambda: pathlib.Path(os.environ["OPENAPI_ANSWERED"]).write_text(json.dumps(answered)))


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """An empty parameter counts as none in the log's API, so that it is no wrong one."""
    query = parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True)
    is_of_log = case.operation.path.startswith("/logs")
    says_nothing = is_of_log and any(value == "" for _, value in query)
    return not (isinstance(failure, AcceptedNegativeData) and says_nothing)


@schemathesis.check
def names_its_status(ctx, response, case):
    """The document names the status, and not only as whatever a provider may answer."""
    if is_of_no_operation(case):
        return
    answered[case.operation.label][response.status_code] += 1
    named = case.operation.definition.raw["responses"]
    assert str(response.status_code) in named, f"{response.status_code} is not in the document"


@schemathesis.check
def keeps_to_shapes(ctx, response, case):
    """A body that the document allows is not refused for its shape."""
    if is_of_no_operation(case) or response.status_code != 400 or not case.meta:
        return
    if case.meta.generation.mode.is_positive:
        error = json.loads(response.content)["error"]
        is_too_large = TOO_LARGE.search(error["message"])
        shape = f"a shape that the document allows: {error['message']}"
        assert error["code"] not in SHAPES or is_too_large, shape


@schemathesis.check
def asks_for_a_key(ctx, response, case):
    """Without a key, and with a wrong one, what has been answered with one is refused."""
    operation = case.operation
    is_open = operation.definition.raw.get("security") == []
    if is_open or operation.label in asked or not 200 <= response.status_code < 300:
        return
    asked.add(operation.label)
    for headers in [{}, {"authorization": "Bearer wrong"}]:
        request = response.request.copy()
        request.headers = {
            name: value for name, value in request.headers.items() if name.lower() not in KEYS
        } | headers
        with requests.Session() as session:
            refusal = session.send(request, timeout=30)
        error = refusal.json()["error"]
        allowed = {(401, "invalid_api_key")}
        if headers:
            allowed.add((429, "too_many_wrong_keys"))
        assert (refusal.status_code, error["code"]) in allowed, f"with {headers or 'no key'}: {error}"


def is_of_no_operation(case):
    """Whether a method was tried that the path has not, or a path that there is not."""
    meta = case.meta
    scenario = getattr(meta.phase.data, "scenario", None) if meta else None
    return scenario is not None and "METHOD" in scenario.name
