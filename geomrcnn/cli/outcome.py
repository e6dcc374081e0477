"""What a prediction tells at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from geomrcnn.cli.progress import emit

if TYPE_CHECKING:
    from geomrcnn.inference.options import Report
    from geomrcnn.inference.shards import Shard

UNREADABLE_TOLD = 5
"""Parts of the raster that could not be read, as many as are told one by one."""


def tell_of(out: str, report: Report, progress: str, shard: Shard | None = None) -> None:
    """Print what was done: one line, and what a user may not expect.

    Args:
        out: What was written, as people may see it.
        report: What became of the tiles.
        progress: One of `progress.MODES`.
        shard: Which share of the tiles it was, if not all.
    """
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    for problem in report.unreadable[:UNREADABLE_TOLD]:
        click.echo(f"Warning: passed over: {problem}", err=True)
    if progress == "jsonl":
        emit("done", **facts(out, report))
    elif shard is None:
        click.echo(f"{out}: {count(report.objects, 'object')} in {_how(report)}")
    elif report.resumed == report.tiles:
        click.echo(f"{out}: has all of the {count(report.tiles, 'tile')} of shard {shard} already")
    else:
        click.echo(
            f"{out}: shard {shard} with {count(report.detections, 'detection')} in {_how(report)}"
        )


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
