"""Telling apart what the stages of a program take."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@dataclasses.dataclass
class Spent:
    """Seconds of a stage: by the clock, of its own thread, and of all threads."""

    wall: float = 0.0
    thread: float = 0.0
    process: float = 0.0


class StopWatch:
    """Counts for each stage; of stages within others only the innermost counts."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}
        self._open: list[str] = []
        self._last = self._now()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count for this stage what is done meanwhile."""
        self._count()
        self._open.append(name)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that counts for a stage."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return timed

    def _count(self) -> None:
        now = self._now()
        if self._open:
            spent = self.spent.setdefault(self._open[-1], Spent())
            spent.wall += now.wall - self._last.wall
            spent.thread += now.thread - self._last.thread
            spent.process += now.process - self._last.process
        self._last = now

    @staticmethod
    def _now() -> Spent:
        return Spent(time.perf_counter(), time.thread_time(), time.process_time())
