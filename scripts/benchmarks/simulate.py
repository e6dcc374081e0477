"""What a run costs beside reading and looking, for any number of tiles: scripts/bench simulate.

A raster without pixels is divided into so many tiles. A real Dask scheduler hands them out in
blocks, but whoever gets one reports the same buildings, at once, for every tile or for a share of
them that is spread evenly, and nothing for the others: most of a country is no town. All that
follows is what `geomrcnn predict` does: the journal, merging, tracing and the output. Printed are
the time of a tile and the memory in each stretch of the run, and what either would grow by with
more tiles.

All is in one process, so the rate is that of one core, which the scheduler shares with the rest.
"""

from __future__ import annotations

import json
import logging
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import click
import numpy as np
import psutil

from geomrcnn.formats.writer import write_features
from geomrcnn.inference import crew as crews
from geomrcnn.inference import order
from geomrcnn.inference.crew import Crew
from geomrcnn.inference.journal import journal_of
from geomrcnn.inference.options import Options, Progress
from geomrcnn.inference.overview import look_over
from geomrcnn.inference.predict import predict_to_file, work_of
from geomrcnn.inference.rasters import features_of
from scripts.benchmarks.common.pretence import OVERLAP, TILE, Pretence, carry_out
from tests.oracles.stub import StubDetector

STRETCHES = 10
"""Rows of the table."""

EMPTY = """<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><SRS>EPSG:3857</SRS>
<GeoTransform>-{half}, 1, 0, {half}, 0, -1</GeoTransform>
{bands}</VRTDataset>
"""
BAND = '<VRTRasterBand dataType="Byte" band="{number}"/>\n'


@dataclass(frozen=True)
class Moment:
    """How far a run is.

    Attributes:
        tiles: Tiles behind it.
        seconds: Since it began.
        memory: Resident, in megabytes, of all of this process.
        journal: Megabytes of the file.
    """

    tiles: int
    seconds: float
    memory: float
    journal: float


def write_empty(path: Path, tiles: int) -> None:
    """A raster of 1 m pixels around the equator that has about so many tiles and no data."""
    side = round(math.sqrt(tiles)) * (TILE - OVERLAP) + OVERLAP
    bands = "".join(BAND.format(number=number) for number in (1, 2, 3))
    path.write_text(EMPTY.format(side=side, half=side / 2, bands=bands))


@contextmanager
def pretending_crew(pretence: Pretence, block: int, workers: int) -> Iterator[Crew]:
    """Threads of this process under a real scheduler."""
    from distributed import Client, LocalCluster

    with (
        patch.object(order, "carry_out", carry_out),
        patch.object(crews, "BLOCK", block),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=False, silence_logs=logging.ERROR,
            dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False},
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):  # fmt: skip
        yield Crew(client, pretence, StubDetector.digest)


def simulate(
    tiles: int, pretence: Pretence, crew: Crew, folder: Path, ending: str, journal: bool
) -> list[Moment]:
    """Run, and look at the clock and the memory in between; prints a row for each stretch."""
    raster, out = folder / "empty.vrt", folder / f"out{ending}"
    write_empty(raster, tiles)
    detector, options = pretence.detector, Options()
    process, moments, began = psutil.Process(), [], time.perf_counter()

    def watch(now: Progress) -> None:
        if now.done * STRETCHES // now.total > len(moments) - 1:
            kept = journal_of(out)
            beside = [kept, kept.with_name(f"{kept.name}-wal")]
            size = sum(path.stat().st_size for path in beside if path.exists())
            memory = process.memory_info().rss / 1e6
            moments.append(Moment(now.done, time.perf_counter() - began, memory, size / 1e6))
            show(moments)

    if journal:
        predict_to_file(raster, out, detector, options, crew=crew, on_progress=watch)
    else:
        overview = look_over([str(raster)], detector, options)
        work = work_of(detector, crew, watch)
        write_features(features_of(overview, detector, options, work), out, crs=overview.crs)
    return moments


def milliseconds(moments: list[Moment]) -> np.ndarray:
    """Of a tile, in each stretch."""
    tiles, seconds = (np.diff([getattr(m, name) for m in moments]) for name in ("tiles", "seconds"))
    return np.asarray(1000 * seconds / tiles)


def slopes(moments: list[Moment]) -> tuple[float, float]:
    """What a million tiles more would add: megabytes, and milliseconds to the time of a tile.

    By least squares over the second half of the run: the first fills caches.
    """
    later = moments[len(moments) // 2 :]
    millions = np.array([moment.tiles for moment in later]) / 1e6
    memory = np.polyfit(millions, [moment.memory for moment in later], 1)[0]
    times = milliseconds(moments)[-len(later) :]
    return float(memory), float(np.polyfit(millions, times, 1)[0])


def show(moments: list[Moment]) -> None:
    """Print a row for the stretch that is over."""
    now = moments[-1]
    if len(moments) > 1:
        click.echo(
            f"{now.tiles:12,}{now.seconds:10.1f}{milliseconds(moments)[-1]:10.3f}{now.memory:13.0f}"
            f"{now.journal:13.1f}"
        )


@click.command()
@click.option("--tiles", default=20_000, show_default=True, help="About as many.")
@click.option("--objects", default=4, show_default=True, help="Objects in each tile.")
@click.option("--share", type=click.FloatRange(0, 1), default=1.0, show_default=True,
              help="Of the tiles that hold these objects; the others hold none, but are looked at "
              "and kept in the journal as well.")  # fmt: skip
@click.option("--block", default=crews.BLOCK, show_default=True,
              help="Tiles that are handed out at once; runs take the default.")  # fmt: skip
@click.option("--workers", default=2, show_default=True, help="Who pretend to look.")
@click.option("--format", "ending", default=".parquet", show_default=True)
@click.option("--journal/--no-journal", default=True, show_default=True,
              help="Keep a journal, as runs do; a tile of four objects takes 650 bytes, one of "
              "none 30.")  # fmt: skip
@click.option("--folder", type=click.Path(path_type=Path), help="Where there is room.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(
    tiles: int, objects: int, share: float, block: int, workers: int, ending: str, journal: bool,
    folder: Path | None, out: Path | None,
) -> None:  # fmt: skip
    """Print a row for each tenth of the run as it is over, and the slopes."""
    pretence = Pretence(objects, share)
    click.echo(f"{'tiles':>12}{'s':>10}{'ms/tile':>10}{'memory, MB':>13}{'journal, MB':>13}")
    with (
        tempfile.TemporaryDirectory(dir=folder) as room,
        pretending_crew(pretence, block, workers) as crew,
    ):
        moments = simulate(tiles, pretence, crew, Path(room), ending, journal)
    memory, time_of_tile = slopes(moments)
    last = moments[-1]
    click.echo(
        f"\n{last.tiles / last.seconds:.0f} tiles/s; a million tiles more: {memory:+.1f} MB, "
        f"{time_of_tile:+.3f} ms to the time of a tile"
    )
    if out is not None:
        figures = {**asdict(pretence), "block": block, "slope_mb": memory, "slope_ms": time_of_tile}
        rows = [asdict(moment) for moment in moments]
        out.write_text(json.dumps({"moments": rows, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
