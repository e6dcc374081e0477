"""`geomrcnn merge`: the journals of shards in, one vector file out."""

from __future__ import annotations

from pathlib import Path

import click

from geomrcnn.cli.outcome import count, counting_tiles, facts
from geomrcnn.cli.progress import Narrator, with_progress

EXAMPLES = """
\b
Examples:
  geomrcnn predict country.vrt --out country.parquet --shard 1/3    # on one machine,
  geomrcnn predict country.vrt --out country.parquet --shard 2/3    # on another,
  geomrcnn predict country.vrt --out country.parquet --shard 3/3    # and on a third
  geomrcnn merge country.parquet.*-of-3.journal --out country.parquet
"""


@click.command(epilog=EXAMPLES)
@click.argument("shards", nargs=-1, required=True, metavar="SHARD...",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("-o", "--out", required=True, metavar="FILE|TABLE",
              help="What to write, as for `geomrcnn predict`.")  # fmt: skip
@click.option("--raster", "rasters", multiple=True, metavar="URL",
              help="The address of a raster again, if it has a key: journals hold none. May be "
              "given again.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@with_progress
def merge(
    narrator: Narrator,
    shards: tuple[Path, ...],
    out: str,
    rasters: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Write the output of shards that have looked at all tiles between them.

    SHARD are the journals that `geomrcnn predict --shard I/N` has written, all N of them, in any
    order. What comes out is what one process would have written; no model runs. The journals stay.

    Run it in the folder in which the shards were run, with the same rasters: one that has changed
    since is refused, and so are journals of different runs, and such as lack tiles.
    """
    from geomrcnn.formats.writer import shown
    from geomrcnn.inference.merging import merge_shards

    with counting_tiles(narrator) as on_progress:
        report = merge_shards(
            shards, out, rasters=rasters, overwrite=overwrite, on_progress=on_progress
        )
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    skipped = "".join(f", {n} skipped as {why}" for why, n in sorted(report.skipped.items()))
    narrator.done(
        f"{shown(out)}: {count(report.objects, 'object')} in {count(report.tiles, 'tile')} of "
        f"{count(len(shards), 'shard')}{skipped} in {report.seconds:.1f} s",
        **facts(shown(out), report),
    )
