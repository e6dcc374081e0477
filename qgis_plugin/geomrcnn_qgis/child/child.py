"""Run a program beside QGIS, hear what it says meanwhile, and end it when asked."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from . import surroundings

Event = dict[str, Any]

EAR = 0.05
"""Seconds between two looks at whether the user has cancelled."""

REMEMBERED = 30
"""Lines of what was said last, among which the reason of a failure is looked for."""


class Failed(Exception):  # noqa: N818 - an outcome
    """The program ended with an error, which this is in one line."""


class Cancelled(Exception):  # noqa: N818 - an outcome
    """The program was ended because the user wished it."""


def _ignore(_: object) -> None:
    pass


def run(
    command: Sequence[str],
    *,
    on_event: Callable[[Event], None] = _ignore,
    on_line: Callable[[str], None] = _ignore,
    is_cancelled: Callable[[], bool] = lambda: False,
    grace: float = 5.0,
    environment: Mapping[str, str] | None = None,
) -> Event:
    """Run a program to its end.

    All functions are called in the thread of the caller. The program's standard input is a pipe
    that ends when it is to end, or when this process dies.

    Args:
        command: The program and its arguments.
        on_event: Called with every JSON object that is a line of the standard output.
        on_line: Called with every other line, of the standard output or the standard error.
        is_cancelled: Asked every 50 ms whether the program is to end.
        grace: Seconds it has to wind up before it is killed.
        environment: By default this process's own, without what belongs to QGIS.

    Returns:
        The event "done", or an empty dictionary where there was none.

    Raises:
        Failed: it could not be started, or ended with an error.
        Cancelled: it was ended because `is_cancelled` said so.
    """
    said: deque[str] = deque(maxlen=REMEMBERED)
    last: dict[str, Event] = {}
    with _started(command, environment, grace) as process:
        for line in _lines(process, is_cancelled):
            event = _event(line)
            if event is None:
                said.append(line)
                on_line(line)
            else:
                last[event["event"]] = event
                on_event(event)
        code = process.wait()
    if code != 0:
        raise Failed(reason(code, said, last.get("error", {}).get("message")))
    return last.get("done", {})


def reason(code: int, said: Sequence[str], told: str | None = None) -> str:
    """Why a program failed, in one line.

    Args:
        code: What it returned; below zero for the signal that ended it, as `subprocess` has it.
        said: Its last lines.
        told: What it said itself was the reason, if it did.
    """
    if told:
        return told
    errors = [line[len("Error: ") :] for line in said if line.startswith("Error: ")]
    if errors:
        return errors[-1]
    lines = [line.strip() for line in said if line.strip()]
    ending = f": {lines[-1]}" if lines else ""
    return f"geomrcnn {_ended(code)}{ending}"


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "was killed (SIGKILL), perhaps because memory ran out"
    return f"crashed ({name})"


@contextlib.contextmanager
def _started(
    command: Sequence[str], environment: Mapping[str, str] | None, grace: float
) -> Iterator[subprocess.Popen[str]]:
    """The running program; whatever happens, it has ended afterwards."""
    flags = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", errors="replace",
            env=surroundings.clean() if environment is None else dict(environment),
            **flags,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Failed(f"{command[0]}: cannot be started: {why}") from error
    try:
        yield process
    finally:
        _end(process, grace)


def _end(process: subprocess.Popen[str], grace: float) -> None:
    """Ask it to end, wait a little, then kill it."""
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _lines(process: subprocess.Popen[str], is_cancelled: Callable[[], bool]) -> Iterator[str]:
    """What it says on either stream, as it comes, until it has ended.

    Raises:
        Cancelled: the user wishes it to end.
    """
    heard: queue.Queue[str | None] = queue.Queue()
    streams = (process.stdout, process.stderr)
    for stream in streams:
        threading.Thread(target=_listen, args=(stream, heard), daemon=True).start()
    open_streams, deadline = len(streams), None
    while open_streams:
        if is_cancelled():
            raise Cancelled
        try:
            line = heard.get(timeout=EAR)
        except queue.Empty:
            # A process of its own that it has left behind would keep the streams open for ever.
            if process.poll() is not None:
                deadline = deadline or time.monotonic() + 1
                if time.monotonic() > deadline:
                    return
            continue
        if line is None:
            open_streams -= 1
        else:
            yield line


def _listen(stream: IO[str], heard: queue.Queue[str | None]) -> None:
    with stream, contextlib.suppress(ValueError):
        for line in stream:
            heard.put(line.rstrip("\r\n"))
    heard.put(None)


def _event(line: str) -> Event | None:
    """A line that is one of our events."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
