"""What a country costs: scripts/bench country.

From an area and the ground sample distance of its imagery to tiles, bytes, hours of processors and
money, for a model. How long a tile takes, and how large it is in a journal, are measured in a few
seconds on this machine, unless they are given. The last lines say how many cores can be kept busy.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from geomrcnn.data.landscape import landscape
from geomrcnn.inference.crew import BLOCK
from geomrcnn.inference.journal import Journal
from geomrcnn.inference.order import Recipe
from geomrcnn.raster.grid import TileGrid
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import Detector
from geomrcnn.runtime.load import choose
from scripts.benchmarks.simulate import findings_of, simulate
from tests.oracles.stub import StubDetector

LOOKS = 3
"""Tiles that a time is the median of."""

SAMPLE = 2000
"""Tiles of which the size in a journal and the cost of merging are the mean."""

BLOCKS = 1000.0
"""A second that a Dask scheduler hands out: it needs somewhat less than 1 ms for each."""


@dataclass(frozen=True)
class Country:
    """What is to be looked at, and with what.

    Attributes:
        area: Square kilometres.
        gsd: Metres to a pixel of the imagery.
        bands: Of the imagery, a byte each.
        ratio: Bytes that are stored of each that is read.
    """

    area: float
    gsd: float
    bands: int
    ratio: float

    @property
    def stored(self) -> float:
        """Terabytes of the imagery as it is stored."""
        return self.area * 1e6 / self.gsd**2 * self.bands * self.ratio / 1e12


def tiles_of(area: float, detector: Detector) -> tuple[int, float]:
    """Number of tiles of a square of so many square kilometres, and of pixels that are looked at to
    each of the square.
    """
    card = detector.card
    side = round(math.sqrt(area) * 1000 / card.gsd)
    grid = TileGrid(side, side, card.tile, card.overlap, stride=64)
    return len(grid), len(grid) * card.tile**2 / side**2


def core_seconds(recipe: Recipe) -> float:
    """What a tile takes in one thread."""
    detector = recipe.load(1)
    card = detector.card
    image = landscape(1, (card.tile, card.tile), card.gsd).image
    valid = np.ones(image.shape[:2], bool)
    tile = Tile(0, 0, Window(0, 0, card.tile, card.tile), image, valid)
    detector.detect([tile])
    times = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        detector.detect([tile])
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def journal_bytes(objects: int) -> float:
    """What a tile takes in a journal."""
    found = findings_of(StubDetector(objects))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.journal"
        with Journal(path, {}) as journal:
            for column in range(SAMPLE):
                journal.add(0, 0, column, found)
            journal.keep()
        return path.stat().st_size / SAMPLE


def merge_seconds(objects: int) -> float:
    """What a tile takes in the process that hands tiles out, merges and writes."""
    with tempfile.TemporaryDirectory() as folder:
        moments = simulate(SAMPLE, objects, 2, ".parquet", True, Path(folder))
    middle, last = moments[len(moments) // 2], moments[-1]
    return (last.seconds - middle.seconds) / (last.tiles - middle.tiles)


@click.command()
@click.option("--area", default=1e7, show_default=True, metavar="KM2")
@click.option("--gsd", default=0.5, show_default=True, metavar="METRES", help="Of the imagery.")
@click.option("--bands", default=3, show_default=True, help="Of the imagery, a byte each.")
@click.option("--ratio", default=0.15, show_default=True,
              help="Bytes stored of each that is read: compression.")  # fmt: skip
@click.option("--model", default="fields", show_default=True, metavar="NAME|PATH")
@click.option("--precision", type=click.Choice(["auto", "fp32", "int8"]), default="auto")
@click.option("--objects", default=20, show_default=True, help="Detections in a tile.")
@click.option("--cores", default=1000, show_default=True, help="Of the workers, together.")
@click.option("--price", default=0.04, show_default=True, help="Of an hour of one core.")
@click.option("--tile-seconds", type=float, metavar="S",
              help="What a tile takes on one core.  [default: measured]")  # fmt: skip
@click.option("--merge-ms", type=float, metavar="MS",
              help="What a tile takes beside that, in one process.  "
              "[default: measured]")  # fmt: skip
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(
    area: float, gsd: float, bands: int, ratio: float, model: str, precision: str, objects: int,
    cores: int, price: float, tile_seconds: float | None, merge_ms: float | None, out: Path | None,
) -> None:  # fmt: skip
    """Print the arithmetic, a line a figure."""
    country = Country(area, gsd, bands, ratio)
    recipe = choose(model, precision=precision)
    detector = recipe.load(1)
    tiles, looked_at = tiles_of(area, detector)
    one = tile_seconds or core_seconds(recipe)
    merging = merge_ms / 1000 if merge_ms else merge_seconds(objects)
    kept = journal_bytes(objects)
    hours = tiles * one / 3600
    figures: dict[str, tuple[float, str]] = {
        "tiles": (tiles, f"of {detector.card.tile} pixels of {detector.card.gsd:g} m"),
        "looked at": (looked_at, "times: neighbours overlap"),
        "imagery": (country.stored, f"TB stored, at {gsd:g} m, {bands} bands, {ratio:g} of a byte"),
        "read": (country.stored * looked_at, "TB, where there are no overviews"),
        "a tile on one core": (1000 * one, f"ms ({detector.description})"),
        "looking": (hours, "hours of a core"),
        "cost": (hours * price, f"at {price:g} an hour of a core"),
        f"with {cores} cores": (hours / cores, "hours, while nothing else limits it"),
        "read at once": (country.stored * looked_at * 8e3 / (hours / cores * 3600), "Gbit/s then"),
        "a tile in a journal": (kept, f"bytes, with {objects} detections"),
        "journals": (tiles * kept / 1e9, "GB together"),
        "merging": (tiles * merging / 3600, f"hours of one process, {1000 * merging:.1f} ms each"),
        "one client": (one / merging, "cores keep it busy: from there on, shards"),
        "one scheduler": (BLOCKS * BLOCK * one, f"cores, at {BLOCKS:.0f} blocks/s"),
    }  # fmt: skip
    for name, (value, unit) in figures.items():
        click.echo(f"{name:22}{value:>16,.{0 if value >= 100 else 2}f} {unit}")
    if out is not None:
        values = {name: value for name, (value, _) in figures.items()}
        out.write_text(json.dumps(values, indent=2) + "\n")


if __name__ == "__main__":
    main()
