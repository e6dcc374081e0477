"""Where every millisecond of a tile goes, and how fast the whole is: scripts/bench pipeline.

In the first part, reading, looking, merging and writing, which otherwise run side by side, take
turns in one thread, so that each stage can be timed by itself, tile by tile beside the network.
The model looks at every tile, which takes the time that it takes; but on synthetic farmland, what
counts as found is what a detector that knows the truth sees: as many objects to a tile as are asked
for. On a raster of yours, what the model finds counts. Printed are milliseconds to a tile, and
shares of the network's: by the clock, which tells nothing on a machine that does other things, and
of processors, those of the network divided by its threads: what the clock would say if it had them
all to itself.

In the second part the same raster is predicted as users do it, by the command in a process of its
own, and what that took is compared with what the network takes for these tiles by itself.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.runtime import load_detector
from geomrcnn.runtime.openvino import OpenVinoDetector
from scripts.benchmarks.common.ortho import write_farmland
from scripts.benchmarks.common.stopwatch import StopWatch
from scripts.benchmarks.common.tables import markdown, report, write_json
from scripts.benchmarks.common.turns import NETWORK, Witness, milliseconds, take_turns
from scripts.benchmarks.common.whole import Whole, run_whole
from tests.oracles.detector import OracleDetector
from tests.oracles.scenes import rotated_parcels

SMALLEST = 60.0
"""Square pixels of a field that is seen, so that 1,500 and more have room in a tile of 1024."""


@click.command()
@click.option("--model", default="fields", show_default=True, metavar="NAME|PATH")
@click.option("--image", type=click.Path(exists=True), metavar="RASTER",
              help="A raster of yours in place of synthetic farmland.")  # fmt: skip
@click.option("--precision", type=click.Choice(["auto", "fp32", "int8"]), default="fp32",
              show_default=True)  # fmt: skip
@click.option("--tile", default=1024, show_default=True, help="Side of the tiles, in pixels.")
@click.option("--size", default=12_288, show_default=True, metavar="PX",
              help="Side of the farmland.")  # fmt: skip
@click.option("--objects", default=100, show_default=True, help="About as many to a tile of it.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(
    model: str,
    image: str | None,
    precision: str,
    tile: int,
    size: int,
    objects: int,
    out: Path | None,
) -> None:
    """Print a row for each stage, then the speed and memory of the whole."""
    detector = load_detector(model, runtime="openvino", precision=precision, tile=tile, streams=1)
    assert isinstance(detector, OpenVinoDetector)
    watch = StopWatch()
    with tempfile.TemporaryDirectory() as folder:
        raster, truth = image, None
        if raster is None:
            raster = f"{folder}/farmland.tif"
            write_farmland(Path(raster), size, detector.card.gsd)
            truth = parcels(size, tile, objects)
        whole = run_whole(raster, model, precision, tile)
        witness = Witness(detector.card, detector, truth, watch)
        seen = take_turns(raster, Path(folder) / "turns.gpkg", witness, watch, tile)
    stages = milliseconds(watch, seen.processed, detector.threads)
    each = seen.detections / seen.processed
    where = f"{seen.processed} tiles of {tile} px with {each:.0f} objects each"
    report(
        f"A tile of `{Bundle.open(model).card.name}`, by stage",
        f"{where}; {detector.description} in {detector.threads} threads. Milliseconds.",
        stage_table(stages),
        "The whole, side by side:",
        whole_table(whole),
    )
    write_json(out, {"stages": stages, "whole": dataclasses.asdict(whole)})


def parcels(size: int, tile: int, objects: int) -> OracleDetector:
    """A detector that knows fields, so large that a tile has about as many as are wanted."""
    # Parcels are halved until they are short enough; this comes out at about as many as are wanted.
    fields = rotated_parcels(size, 1.12 * tile / math.sqrt(objects), 1, 0.0, SMALLEST)
    return OracleDetector(fields, jitter=1.0, smallest=SMALLEST)


def stage_table(stages: Mapping[str, Mapping[str, float]]) -> str:
    """A row a stage."""
    network = stages[NETWORK]
    rows = [
        [
            name,
            *(text for unit in ("wall", "cpu")
              for text in (f"{row[unit]:.1f}", f"{row[unit] / network[unit]:.2%}")),
        ]
        for name, row in stages.items()
    ]  # fmt: skip
    return markdown(["", "clock", "of the network's", "processors", "of the network's"], rows)


def whole_table(whole: Whole) -> str:
    """A row a figure."""
    rows = {
        "tiles": f"{whole.tiles}",
        "objects, a tile": f"{whole.detections / whole.tiles:.0f}",
        "features": f"{whole.objects}",
        "tiles/s": f"{whole.tiles / whole.seconds:.2f}",
        "Mpx/s, at the model's GSD": f"{whole.megapixels / whole.seconds:.2f}",
        "km²/h": f"{whole.km2 / whole.seconds * 3600:,.0f}",
        "peak memory, MB": f"{whole.peak_mb:.0f}",
        "seconds to the first tile": f"{whole.first:.1f}",
        "the network alone, ms a tile": f"{whole.network_ms:.0f}",
        "the whole, ms a tile": f"{1000 * whole.seconds / whole.tiles:.0f}",
        "the whole / the network alone": f"{whole.efficiency:.3f}",
    }
    return markdown([f"{whole.device}", ""], rows.items())


if __name__ == "__main__":
    main()
