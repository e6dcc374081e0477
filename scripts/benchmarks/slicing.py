"""A raster by SAHI and by `geomrcnn predict`, with one network: scripts/bench slicing.

Synthetic farmland at the model's pixel size, a GeoTIFF, is made into a GeoPackage of fields. SAHI
slices it, hands the slices to the model's graph in OpenVINO, and merges what it found with its own
settings (greedy merging of what shares half of the smaller one); see
scripts/benchmarks/common/sahi_child.py. Tiles, overlap, precision and least score are the same for
both, and each has a process of its own. Printed are seconds from opening the raster to the finished
file, peak memory, and how well the true fields were found.

SAHI is no dependency of this project. An environment with both is made, in the folder of the
project, by

    python -m venv sliced && sliced/bin/pip install . sahi

and named by --python sliced/bin/python.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from shapely import Polygon

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.formats.reader import read_features
from scripts.benchmarks.common.ortho import fields_of_farmland, write_farmland
from scripts.benchmarks.common.tables import markdown, report, write_json
from scripts.benchmarks.common.whole import run_command
from scripts.benchmarks.seams import judge

CHILD = "scripts.benchmarks.common.sahi_child"


class How(NamedTuple):
    """With what; tiles in pixels."""

    model: str
    precision: str
    tile: int
    overlap: int


@dataclasses.dataclass(frozen=True)
class Sliced:
    """What a raster took, and what was found.

    Attributes:
        name: Who did it.
        seconds: From opening the raster to the finished file.
        tiles: That the network looked at.
        peak_mb: Largest resident memory of the process.
        found: See `scripts.benchmarks.seams.judge`.
        told: What else is to be said of it.
    """

    name: str
    seconds: float
    tiles: int
    peak_mb: float
    found: dict[str, float]
    told: str


@click.command()
@click.option("--python", default=sys.executable, metavar="PATH",
              help="Interpreter that has SAHI and what geomrcnn needs. Default: this "
              "one.")  # fmt: skip
@click.option("--model", default="fields", show_default=True, metavar="NAME|PATH")
@click.option("--precision", type=click.Choice(["fp32", "int8"]), default="fp32",
              show_default=True)  # fmt: skip
@click.option("--size", default=4096, show_default=True, metavar="PX",
              help="Side of the farmland.")  # fmt: skip
@click.option("--tile", default=1024, show_default=True, help="Side of the tiles, in pixels.")
@click.option("--overlap", default=256, show_default=True, help="Of neighbours, in pixels.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(
    python: str, model: str, precision: str, size: int, tile: int, overlap: int, out: Path | None
) -> None:
    """Print a row for each."""
    if missing := has_not(python):
        raise click.ClickException(
            f"{python} cannot run SAHI ({missing}): make an environment that can by 'python -m "
            "venv sliced && sliced/bin/pip install . sahi', and say --python sliced/bin/python"
        )
    gsd = Bundle.open(model).card.gsd
    with tempfile.TemporaryDirectory() as folder:
        raster = Path(folder) / "farmland.tif"
        write_farmland(raster, size, gsd)
        truth = fields_of_farmland(size, gsd)
        how = How(model, precision, tile, overlap)
        runs = [by_sahi(raster, truth, how, python), by_geomrcnn(raster, truth, how)]
    report(
        f"Slicing {size} × {size} px beside SAHI",
        f"`{model}` in {precision}, tiles of {tile} px that overlap by {overlap}; "
        f"{len(truth)} true fields.",
        table(runs),
        *(f"{one.name}: {one.told}." for one in runs),
    )
    write_json(out, [dataclasses.asdict(one) for one in runs])


def has_not(python: str) -> str:
    """Why an interpreter cannot run SAHI with a network of ours; empty if it can."""
    try:
        tried = subprocess.run([python, "-c", f"import {CHILD}"], capture_output=True, text=True)
    except OSError as error:
        return error.strerror or str(error)
    lines = tried.stderr.strip().splitlines()
    return "" if tried.returncode == 0 else lines[-1] if lines else "it does not start"


def by_sahi(raster: Path, truth: Sequence[Polygon], how: How, python: str) -> Sliced:
    """What SAHI takes and finds, in a process of the interpreter."""
    out = raster.with_name("sahi.gpkg")
    command = [python, "-m", CHILD, str(raster), str(out), *map(str, how)]
    # OpenCV, with which SAHI reads, warns of each tag of GeoTIFF.
    quiet = {**os.environ, "OPENCV_LOG_LEVEL": "ERROR"}
    ended = subprocess.run(command, stdout=subprocess.PIPE, env=quiet, check=True)
    took = json.loads(ended.stdout)
    rest = took["seconds"] - took["network"] - took["merging"] - took["writing"]
    told = (
        f"{took['versions']}, {took['device']}; {took['network']:.1f} s in the network, which is "
        f"shown one slice at a time, {rest:.1f} s for reading, slicing and masks, "
        f"{took['merging']:.1f} s for merging, {took['writing']:.1f} s for the file"
    )
    return _judged("SAHI", took["seconds"], took["tiles"], took["peak_mb"], told, out, truth)


def by_geomrcnn(raster: Path, truth: Sequence[Polygon], how: How) -> Sliced:
    """What `geomrcnn predict` takes and finds."""
    out = raster.with_name("geomrcnn.gpkg")
    events, _, peak = run_command([
        "predict", str(raster), "--out", str(out), "--model", how.model, "--runtime", "openvino",
        "--precision", how.precision, "--tile", str(how.tile), "--overlap", str(how.overlap),
    ])  # fmt: skip
    done = events[-1]
    return _judged("geomrcnn", done["seconds"], done["processed"], peak, done["device"], out, truth)


def _judged(
    name: str,
    seconds: float,
    tiles: int,
    peak: float,
    told: str,
    out: Path,
    truth: Sequence[Polygon],
) -> Sliced:
    found = judge(truth, list(read_features(out).geometry))
    return Sliced(name, seconds, tiles, peak, found, told)


def table(runs: Sequence[Sliced]) -> str:
    """A row for each."""
    head = [
        "", "seconds", "tiles", "tiles/s", "peak memory, MB", "objects", "F1 at an IoU of 0.5",
        "found at 0.85", "false merges",
    ]  # fmt: skip
    rows = [
        [
            one.name,
            f"{one.seconds:.1f}",
            one.tiles,
            f"{one.tiles / one.seconds:.2f}",
            f"{one.peak_mb:.0f}",
            f"{one.found['found']:.0f}",
            f"{one.found['f1']:.3f}",
            f"{one.found['recall_85']:.3f}",
            f"{one.found['false_merges']:.0f}",
        ]
        for one in runs
    ]
    return markdown(head, rows)


if __name__ == "__main__":
    main()
