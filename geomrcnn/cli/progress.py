"""How a long command tells how far it is: a bar for people, JSON lines for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from geomrcnn.errors import GeomrcnnError

if TYPE_CHECKING:
    from geomrcnn.inference.options import Progress

MODES = ("auto", "jsonl", "none")


def emit(event: str, **facts: Any) -> None:
    """Print one JSON object on a line of its own, on the standard output."""
    click.echo(json.dumps({"event": event, **facts}))


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """A bar on the standard error stream if that is a terminal, else nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles, {task.fields[objects]} objects"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Looking", total=None, objects=0)
        yield lambda now: bar.update(task, completed=now.done, total=now.total, objects=now.objects)


@contextmanager
def counter(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a number of equal steps; whoever uses it tells how many are done, and of all."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def json_lines() -> Iterator[Callable[[Progress], None]]:
    """One line a tile, and one if the work fails; whoever uses it says when it is done."""
    try:
        yield lambda now: emit("progress" if now.done else "start", **now._asdict())
    except GeomrcnnError as error:
        emit("error", message=str(error))
        raise
    except KeyboardInterrupt:
        emit("error", message="interrupted")
        raise


@contextmanager
def silence() -> Iterator[None]:
    """No word."""
    yield None
