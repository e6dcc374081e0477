"""How a command tells what it does: a bar and lines for people, JSON lines for programs."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TypeVar

import click

MODES = ("auto", "jsonl", "none")

Count = Callable[..., None]
"""Takes how many steps are done, and of how many; and by name what else there is to tell."""

F = TypeVar("F", bound=Callable[..., Any])


class Narrator:
    """Tells what a command does, in the way that its option --progress asks for.

    An event is a JSON object on a line of its own, on the standard output, which then holds
    nothing else. "start" and "progress" count steps, "log" is a line for people, "done" says what
    came of it, and "error" why nothing did.

    Attributes:
        mode: One of `MODES`.
    """

    def __init__(self) -> None:
        self.mode = "auto"
        self._stream = sys.stdout

    @property
    def in_json(self) -> bool:
        """Whether programs listen."""
        return self.mode == "jsonl"

    def say(self, line: str) -> None:
        """Tell people something on the way."""
        if self.in_json:
            self._emit("log", message=line)
        else:
            click.echo(line)

    def done(self, *lines: str, **facts: Any) -> None:
        """Tell what came of it: people in lines, programs in facts."""
        if self.in_json:
            self._emit("done", **facts)
        else:
            for line in lines:
                click.echo(line)

    def fail(self, message: str) -> None:
        """Tell programs why nothing came of it."""
        if self.in_json:
            self._emit("error", message=message)

    @contextmanager
    def counting(self, what: str, unit: str, note: str = "") -> Iterator[Count]:
        """Tell how far one part of the work is.

        Args:
            what: What is done: "Looking".
            unit: What is counted: "tiles".
            note: What else the bar shows; names in braces stand for what is told by these names.
        """
        if self.in_json:
            yield self._counted(unit)
        elif self.mode == "auto":
            with _bar(what, unit + note) as count:
                yield count
        else:
            yield _say_nothing

    @contextmanager
    def heard(self) -> Iterator[Narrator]:
        """While programs listen, what libraries print does not come in between."""
        self._stream = sys.stdout
        if self.in_json:
            with redirect_stdout(sys.stderr):
                yield self
        else:
            yield self

    def _counted(self, unit: str) -> Count:
        began = False

        def count(done: int, total: int, **more: Any) -> None:
            nonlocal began
            event, began = "progress" if began else "start", True
            self._emit(event, done=done, total=total, unit=unit, **more)

        return count

    def _emit(self, event: str, **facts: Any) -> None:
        click.echo(json.dumps({"event": event, **facts}), file=self._stream)


def with_progress(function: F) -> F:
    """Give a command the option --progress, and a `Narrator` that heeds it for first argument."""

    @click.option("--progress", type=click.Choice(MODES), default="auto", show_default=True,
                  is_eager=True, expose_value=False, callback=_choose,
                  help="A bar if there is a terminal, a JSON object a line on the standard output, "
                  "or neither.")  # fmt: skip
    @click.pass_context
    @functools.wraps(function)
    def told(ctx: click.Context, *values: Any, **named: Any) -> Any:
        with ctx.ensure_object(Narrator).heard() as narrator:
            return function(narrator, *values, **named)

    return told  # type: ignore[return-value]


def _choose(ctx: click.Context, param: click.Parameter, mode: str) -> None:
    ctx.ensure_object(Narrator).mode = mode


@contextmanager
def _bar(what: str, text: str) -> Iterator[Count]:
    """A bar on the standard error stream if that is a terminal, else nothing."""
    # --help has no time to import these.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    note = TextColumn("{task.fields[text]}")
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), note, Remaining())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None, text="")

        def count(done: int, total: int, **more: Any) -> None:
            bar.update(task, completed=done, total=total, text=text.format(**more))

        yield count


def _say_nothing(done: int, total: int, **more: Any) -> None:
    """No word."""
