"""How the cost of a prediction grows: scripts/bench growth.

With the area of the raster: rasters of several sizes are predicted by the command, and a line is
fitted to the seconds. With the objects in a tile: a detector that knows the truth reports more and
more of them, and what all stages but the network take is printed (what the network takes for them
tells scripts/bench network --detections). With the size of the tiles: one raster, cut differently.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from geomrcnn.bundle.bundle import Bundle
from scripts.benchmarks.common.ortho import write_farmland
from scripts.benchmarks.common.stopwatch import StopWatch
from scripts.benchmarks.common.tables import markdown, report, write_json
from scripts.benchmarks.common.turns import (
    REST,
    STAGES,
    Witness,
    milliseconds,
    take_turns,
)
from scripts.benchmarks.common.whole import Whole, run_whole
from scripts.benchmarks.pipeline import parcels

PARTS = ("area", "objects", "tile")
TILE = 1024
SEEN = 3328
"""Side of the raster on which objects are counted: 16 tiles of 1024 that overlap by a quarter."""


BESIDE = (*(name for name in STAGES if "network" not in name), REST)
"""What is done where no network looks."""


class Line(NamedTuple):
    """A straight line through points, and how much of their spread it explains."""

    slope: float
    start: float
    r2: float

    def told(self, y: str, x: str) -> str:
        """In a sentence."""
        line = f"{y} = {self.start:.4g} + {self.slope:.4g} × {x}"
        return f"By least squares, {line}; R² = {self.r2:.5f}."


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), default=PARTS,
              show_default=True, help="May be given again, as may all lists.")  # fmt: skip
@click.option("--model", default="fields", show_default=True, metavar="NAME|PATH")
@click.option("--precision", type=click.Choice(["auto", "fp32", "int8"]), default="fp32",
              show_default=True)  # fmt: skip
@click.option("--size", "sizes", multiple=True, type=int, default=(4096, 8192, 16_384),
              show_default=True, metavar="PX", help="Sides of rasters.")  # fmt: skip
@click.option("--objects", "counts", multiple=True, type=int,
              default=(10, 30, 100, 300, 1000, 1500, 2000), show_default=True,
              help="About as many in a tile; the table tells how many there were.")  # fmt: skip
@click.option("--tile", "tiles", multiple=True, type=int, default=(512, 1024, 2048),
              show_default=True, help="Sides, in pixels.")  # fmt: skip
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(
    parts: tuple[str, ...],
    model: str,
    precision: str,
    sizes: tuple[int, ...],
    counts: tuple[int, ...],
    tiles: tuple[int, ...],
    out: Path | None,
) -> None:
    """Print a table for each part, and the lines that fit them."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if "area" in parts:
            runs = [on_farmland(Path(folder), size, TILE, model, precision) for size in sizes]
            figures["area"] = [dataclasses.asdict(run) for run in runs]
            report("Cost by area of the raster", whole_table(runs), area_line(runs))
        if "objects" in parts:
            seen = {count: by_stage(Path(folder), count, model) for count in counts}
            figures["objects"] = seen
            report("Cost by objects in a tile, beside the network", *objects_tables(seen))
        if "tile" in parts:
            one = sizes[0]
            cut = {tile: on_farmland(Path(folder), one, tile, model, precision) for tile in tiles}
            figures["tile"] = {tile: dataclasses.asdict(run) for tile, run in cut.items()}
            report(f"Cost by size of the tiles, {one} × {one} px", tiles_table(cut))
    write_json(out, figures)


def on_farmland(folder: Path, size: int, tile: int, model: str, precision: str) -> Whole:
    """Predict on synthetic farmland of a size."""
    raster = folder / f"{size}.tif"
    if not raster.exists():
        write_farmland(raster, size, Bundle.open(model).card.gsd)
    return run_whole(raster, model, precision, tile)


def by_stage(folder: Path, objects: int, model: str) -> dict[str, float]:
    """Milliseconds of a processor to a tile, by stage, and the number of objects in it."""
    raster, card = folder / f"{SEEN}.tif", Bundle.open(model).card
    if not raster.exists():
        write_farmland(raster, SEEN, card.gsd)
    watch = StopWatch()
    witness = Witness(card, None, parcels(SEEN, TILE, objects), watch)
    done = take_turns(raster, folder / f"{objects}.gpkg", witness, watch, TILE)
    stages = milliseconds(watch, done.processed)
    spent = {name: stages[name]["cpu"] for name in BESIDE}
    return {"seen": done.detections / done.processed, **spent}


def fitted(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line of least squares."""
    slope, start = np.polyfit(x, y, 1)
    left = np.asarray(y) - (start + slope * np.asarray(x))
    return Line(float(slope), float(start), float(1 - left.var() / np.var(y)))


def area_line(runs: Sequence[Whole]) -> str:
    """Seconds by megapixels."""
    if len(runs) < 3:
        return "Too few sizes to tell whether it is a line."
    line = fitted([run.megapixels for run in runs], [run.seconds for run in runs])
    return line.told("seconds", "megapixels at the model's GSD")


def whole_table(runs: Sequence[Whole]) -> str:
    """A row a run."""
    head = ["Mpx at the model's GSD", "km²", "tiles", "seconds", "s/Mpx", "whole / network", "MB"]
    rows = [[f"{run.megapixels:.1f}", f"{run.km2:.0f}", run.tiles, *_speed(run)] for run in runs]
    return markdown(head, rows)


def tiles_table(runs: dict[int, Whole]) -> str:
    """A row a size of tile."""
    head = ["tile", "tiles", "seconds", "s/Mpx", "whole / network", "peak memory, MB"]
    return markdown(head, [[f"{tile} px", run.tiles, *_speed(run)] for tile, run in runs.items()])


def _speed(run: Whole) -> list[str]:
    return [
        f"{run.seconds:.1f}",
        f"{run.seconds / run.megapixels:.3f}",
        f"{run.efficiency:.3f}",
        f"{run.peak_mb:.0f}",
    ]


def objects_tables(seen: dict[int, dict[str, float]]) -> list[str]:
    """A row a number of objects, with a column a stage; then the line."""
    rows = [
        [f"{row['seen']:.0f}", *(f"{row[name]:.1f}" for name in BESIDE)] for row in seen.values()
    ]
    told = ["Milliseconds of one processor to a tile.", markdown(["objects", *BESIDE], rows)]
    if len(seen) > 2:
        line = fitted([row["seen"] for row in seen.values()], [row[REST] for row in seen.values()])
        told.append(line.told("milliseconds", "objects"))
    return told


if __name__ == "__main__":
    main()
