"""Runs of `codex exec`, the Codex CLI without its terminal interface."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from chat_server import USAGE

SECONDS = 120
CLIENT_KEY = "key-of-the-client"


class Cli:
    """The CLI with folders of its own, and what its last run said."""

    def __init__(self, program, url, folder):
        self.program = program
        self.home = folder / "home"
        self.work = folder / "work"
        for made in [self.home, self.work]:
            made.mkdir()
        mcp_server = pathlib.Path(__file__).with_name("mcp_server.py")
        (self.home / "config.toml").write_text(f"""
model_provider = "proxy"

[model_providers.proxy]
name = "Proxy"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "CLIENT_KEY"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false

[mcp_servers.calculator]
command = {json.dumps(sys.executable)}
args = [{json.dumps(str(mcp_server))}]
default_tools_approval_mode = "approve"
""")
        self.model, self.code = None, None
        self.stdout, self.stderr, self.events = "", "", []

    def run(self, model, prompt, *options):
        self.model = model
        command = [self.program, "exec", *options, "--json", "--model", model]
        # Its own sandbox needs rights that a container may not give.
        command += ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt]
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CODEX_HOME": str(self.home),
            "CLIENT_KEY": CLIENT_KEY,
            "NO_PROXY": "127.0.0.1",
        }
        process = subprocess.Popen(
            command,
            cwd=self.work,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self.stdout, self.stderr = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            # The program is a child of a script, so the whole group has to go.
            os.killpg(process.pid, signal.SIGKILL)
            self.stdout, self.stderr = process.communicate()
            raise AssertionError(f"the CLI was not done after {SECONDS} seconds")
        self.code = process.returncode
        self.events = [json.loads(line) for line in self.stdout.splitlines()]

    def items(self, kind):
        ended = [event["item"] for event in self.events if event["type"] == "item.completed"]
        return [item for item in ended if item["type"] == kind]

    @property
    def said(self):
        return [item["text"] for item in self.items("agent_message")]

    @property
    def failure(self):
        assert self.code == 1, self.code
        (failed,) = [event for event in self.events if event["type"] == "turn.failed"]
        return failed["error"]["message"]

    def succeeded(self, requests):
        """The run ended well, with the token counts of that many answers."""
        assert self.code == 0, self.code
        usage = self.events[-1]["usage"]
        expected = {
            "input_tokens": USAGE["prompt_tokens"],
            "cached_input_tokens": USAGE["prompt_tokens_details"]["cached_tokens"],
            "output_tokens": USAGE["completion_tokens"],
            "reasoning_output_tokens": USAGE["completion_tokens_details"]["reasoning_tokens"],
        }
        for name, tokens in expected.items():
            assert usage[name] == tokens * requests, usage
