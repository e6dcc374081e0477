"""What a prediction tells on its way and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from geomrcnn.cli.progress import Narrator
    from geomrcnn.inference.options import Progress, Report
    from geomrcnn.inference.shards import Shard

UNREADABLE_TOLD = 5
"""Parts of the raster that could not be read, as many as are told one by one."""


@contextmanager
def counting_tiles(narrator: Narrator) -> Iterator[Callable[[Progress], None]]:
    """Tell how far the tiles are."""
    with narrator.counting("Looking", "tiles", ", {objects} objects") as count:
        yield lambda now: count(**now._asdict())


def tell_of(narrator: Narrator, out: str, report: Report, shard: Shard | None = None) -> None:
    """Tell what was done: one line, and what a user may not expect.

    Args:
        narrator: Who tells it.
        out: What was written, as people may see it.
        report: What became of the tiles.
        shard: Which share of the tiles it was, if not all.
    """
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    for problem in report.unreadable[:UNREADABLE_TOLD]:
        click.echo(f"Warning: passed over: {problem}", err=True)
    narrator.done(_line(out, report, shard), **facts(out, report))


def _line(out: str, report: Report, shard: Shard | None) -> str:
    if shard is None:
        return f"{out}: {count(report.objects, 'object')} in {_how(report)}"
    if report.resumed == report.tiles:
        return f"{out}: has all of the {count(report.tiles, 'tile')} of shard {shard} already"
    return f"{out}: shard {shard} with {count(report.detections, 'detection')} in {_how(report)}"


def facts(out: str, report: Report) -> dict[str, object]:
    """The same for programs."""
    return {
        "out": out,
        "objects": report.objects,
        "tiles": report.tiles,
        "processed": report.processed,
        "skipped": sum(report.skipped.values()),
        "skipped_because": dict(report.skipped),
        "resumed": report.resumed,
        "unreadable": report.unreadable,
        "warnings": report.warnings,
        "seconds": round(report.seconds, 2),
        "device": report.device,
    }


def _how(report: Report) -> str:
    """How many tiles, how fast and on what."""
    told = [f"{number} skipped as {why}" for why, number in sorted(report.skipped.items())]
    if report.resumed:
        told.append(f"{report.resumed} from the journal")
    aside = f" ({', '.join(told)})" if told else ""
    speed = (report.tiles - report.resumed) / max(report.seconds, 1e-9)
    return (
        f"{count(report.tiles, 'tile')}{aside} in {report.seconds:.1f} s, "
        f"{speed:.1f} tiles/s on {report.device}"
    )


def count(number: int, what: str) -> str:
    """A number of things, for people."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
