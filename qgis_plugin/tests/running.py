"""Processes that are running, and how a test waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def wait_for(what: Callable[[], object], seconds: float = 60) -> object:
    """What a function gives once it is true.

    Raises:
        AssertionError: it was not in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"waited {seconds} s in vain")


def children_running(marked: str) -> list[int]:
    """Processes of geomrcnn whose command line has a word in it, such as the path of an output."""
    return [pid for pid, command in _commands() if marked in command and "geomrcnn" in command]


def _commands() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # QGIS's own command line has the path, too, but no "-m geomrcnn".
        if state != "Z" and b"-m" in words:
            yield int(entry.name), b" ".join(words).decode(errors="replace")
