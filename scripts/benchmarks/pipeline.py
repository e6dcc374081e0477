"""What a tile costs beside the network: scripts/bench pipeline.

A raster of synthetic farmland is predicted with a shipped model. In the first part the model looks
at every tile, which takes the time that it takes, but what counts as found is what a detector that
knows the truth sees: as many objects to a tile as are asked for. Reading, looking, merging and
writing, which otherwise run side by side, take turns in one thread, so that each stage can be timed
by itself, tile by tile beside the network. Printed are milliseconds to a tile, and shares of the
network's: by the clock, which tells nothing on a machine that does other things, and of processors,
those of the network divided by its threads: what the clock would say if it had them all to itself.

In the second part the same raster is predicted as users do it, in a process of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
import rasterio
from affine import Affine

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape import landscape
from geomrcnn.inference import looking, survey
from geomrcnn.inference import predict as prediction
from geomrcnn.inference.journal import Journal
from geomrcnn.inference.options import Options
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.raster.tile import Tile
from geomrcnn.raster.tile_reader import TileReader
from geomrcnn.runtime import Detections, Detector, openvino
from geomrcnn.runtime.load import load_detector
from geomrcnn.vector import merge, settle
from tests.oracles.detector import OracleDetector
from tests.oracles.scenes import rotated_parcels

TILE = 1024
SCENE = 1024
"""Side of the farmland that is drawn, and repeated."""

NETWORK, TRUTH = "network", "(the detector that knows)"

STAGES: dict[str, Sequence[tuple[Any, str]]] = {
    "read": [(TileReader, "read")],
    "to and from the network": [(openvino, "to_image"), (openvino, "to_detections")],
    "keep what counts": [(looking, "keep")],
    "journal": [(Journal, "add")],
    "merge": [(merge.Merger, "add")],
    "contour": [(merge, "outline"), (settle, "outline")],
    "simplify": [(survey, "shape")],
    "to the map": [(survey, "to_features")],
    "write": [(prediction, "write_features")],
}
"""Where each stage is called. What one calls of another counts for the other; the last is around
all of them, so the rest is in it."""


@dataclasses.dataclass
class Spent:
    """Seconds of a stage: by the clock, of its own thread, and of all threads."""

    wall: float = 0.0
    thread: float = 0.0
    process: float = 0.0


class StopWatch:
    """Tells apart what stages take, of which only the innermost counts."""

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


class Witness:
    """Lets a model look at a tile, and reports what a detector saw that knows the truth."""

    def __init__(self, model: Detector, truth: OracleDetector, watch: StopWatch) -> None:
        self.card, self.digest, self.description = model.card, model.digest, model.description
        self._model, self._truth, self._watch = model, truth, watch

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """What the truth shows in each tile, after the model has looked."""
        with self._watch.stage(NETWORK):
            self._model.detect(tiles)
        with self._watch.stage(TRUTH):
            return self._truth.detect(tiles)


def write_farmland(path: Path, size: int, gsd: float) -> None:
    """A compressed GeoTIFF of pixels of `gsd` metres: one scene again and again."""
    scene = np.moveaxis(landscape(1, (SCENE, SCENE), gsd).image, -1, 0)
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 3, "dtype": "uint8",
        "crs": "EPSG:32632", "transform": Affine(gsd, 0, 500_000, 0, -gsd, 5_000_000),
        "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "predictor": 2, "interleave": "pixel",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, size, SCENE):
            rows = min(SCENE, size - top)
            repeated = np.tile(scene[:, :rows], (1, 1, math.ceil(size / SCENE)))
            file.write(repeated[..., :size], window=((top, top + rows), (0, size)))


def take_turns(raster: Path, out: Path, detector: Witness, watch: StopWatch) -> dict[str, Any]:
    """Predict in one thread, with every stage timed."""
    looking.ahead = lambda stage: stage()  # type: ignore[attr-defined]
    for name, places in STAGES.items():
        for owner, function in places:
            setattr(owner, function, watch.around(name, getattr(owner, function)))
    report = predict_to_file(raster, out, detector, Options(tile=TILE))
    return {"tiles": report.tiles, "detections": report.detections, "objects": report.objects}


def run_whole(raster: Path, model: str) -> dict[str, float]:
    """Predict as users do, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        detector = load_detector(model, tile=TILE)
        report = predict_to_file(raster, Path(folder) / "out.gpkg", detector, Options(tile=TILE))
    with rasterio.open(raster) as file:
        pixels, ground = file.width * file.height, detector.card.gsd
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others kilobytes
    return {
        "tiles_per_s": report.tiles / report.seconds,
        "mpx_per_s": pixels / 1e6 / report.seconds,
        "km2_per_h": pixels * ground**2 / 1e6 / report.seconds * 3600,
        "objects": report.objects,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6,
    }


def table(watch: StopWatch, tiles: int, threads: int) -> dict[str, dict[str, float]]:
    """Milliseconds to a tile by stage, the network first, and shares of the network's.

    Args:
        watch: What the stages took.
        tiles: How many tiles that was.
        threads: In which the network computes; all else has one.
    """
    rows = {}
    for name in (NETWORK, *STAGES):
        spent = watch.spent[name]
        cpu = spent.process / threads if name == NETWORK else spent.thread
        rows[name] = {"wall_ms": 1000 * spent.wall / tiles, "cpu_ms": 1000 * cpu / tiles}
    rows["all but the network"] = {
        unit: sum(row[unit] for name, row in rows.items() if name != NETWORK)
        for unit in ("wall_ms", "cpu_ms")
    }
    network = rows[NETWORK]
    for row in rows.values():
        row["wall_share"] = row["wall_ms"] / network["wall_ms"]
        row["cpu_share"] = row["cpu_ms"] / network["cpu_ms"]
    return rows


@click.command()
@click.option("--model", default="fields", show_default=True, metavar="NAME|PATH")
@click.option("--size", default=4608, show_default=True, metavar="PX", help="Side of the raster.")
@click.option("--objects", default=100, show_default=True, help="About as many to a tile.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
@click.option("--whole", type=click.Path(path_type=Path), hidden=True,
              help="Only predict this raster, in this process.")  # fmt: skip
def main(model: str, size: int, objects: int, out: Path | None, whole: Path | None) -> None:
    """Print a row for each stage, then the speed and memory of the whole."""
    if whole is not None:
        click.echo(json.dumps(run_whole(whole, model)))
        return
    watch, network = StopWatch(), openvino.OpenVinoDetector(Bundle.open(model), TILE)
    # Parcels are halved until they are short enough; this comes out at as many as are wanted.
    fields = rotated_parcels(size, 1.12 * TILE / math.sqrt(objects), 1, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        raster = Path(folder) / "farmland.tif"
        write_farmland(raster, size, network.card.gsd)
        command = [sys.executable, __file__, "--model", model, "--whole", str(raster)]
        alone = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        witness = Witness(network, OracleDetector(fields, jitter=1.0), watch)
        counts = take_turns(raster, Path(folder) / "out.gpkg", witness, watch)
    rows = table(watch, counts["tiles"], network.threads)
    seen = counts["detections"] / counts["tiles"]
    click.echo(
        f"{counts['tiles']} tiles of {TILE} with {seen:.0f} objects each, "
        f"{counts['objects']} in all; {network.description} in {network.threads} threads\n"
    )
    click.echo(f"{'ms to a tile':24}{'wall':>9}{'share':>9}{'CPU':>9}{'share':>9}")
    for name, row in rows.items():
        click.echo(
            f"{name:24}{row['wall_ms']:9.1f}{row['wall_share']:9.2%}"
            f"{row['cpu_ms']:9.1f}{row['cpu_share']:9.2%}"
        )
    click.echo(
        f"\nthe whole, side by side: {alone['tiles_per_s']:.2f} tiles/s, "
        f"{alone['mpx_per_s']:.2f} Mpx/s, {alone['km2_per_h']:.0f} km2/h, "
        f"peak {alone['peak_mb']:.0f} MB"
    )
    if out is not None:
        figures = {"model": model, "size": size, **counts, "stages": rows, "whole": alone}
        out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
