"""Starts the proxy for a check, and stops it again.

As a program, `proxy.py BINARY COMMAND`: runs the command with PROXY_URL in its environment.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile


@contextlib.contextmanager
def running(binary, *arguments, codex_config="", env=None):
    """The address of a proxy with empty folders of its own. Its exit code must be 0."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "codex").mkdir()
        (home / "codex" / "config.toml").write_text(codex_config)
        variables = {
            **os.environ,
            "CODEX_HOME": str(home / "codex"),
            "CODEX_OPENAI_PROXY_HOME": str(home / "state"),
            "CODEX_OPENAI_PROXY_ADDR": "127.0.0.1:0",
            "RUST_LOG": "error",
            **(env or {}),
        }
        process = subprocess.Popen(
            [binary, *arguments], env=variables, stdout=subprocess.PIPE, text=True
        )
        try:
            line = process.stdout.readline().strip()
            assert line.startswith("listening on http://"), line
            yield line.removeprefix("listening on ")
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
        assert code == 0, f"the proxy ended with {code}"


if __name__ == "__main__":
    with running(sys.argv[1], "demo") as url:
        done = subprocess.run(sys.argv[2:], env={**os.environ, "PROXY_URL": url})
    sys.exit(done.returncode)
