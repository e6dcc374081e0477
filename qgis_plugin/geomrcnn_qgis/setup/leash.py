"""Run a command that ends, with all it has started, when our standard input ends.

`python -I leash.py COMMAND...`. Neither pip nor venv nor uv watches whether those who started it
still want it, or live. This file runs in the Python that an environment is made from.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    """Run the command; its exit code, with 128 added to the number of a signal, as shells do."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_watch, args=(process,), daemon=True).start()
    try:
        code = process.wait()
    finally:
        _end(process)
    return code if code >= 0 else 128 - code


def _watch(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the command, and where there are sessions whatever it has left in its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
