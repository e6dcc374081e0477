"""Memory of a prediction: scripts/bench memory.

Rasters of growing size, sparse so that they take no room on the disk, are seen by a detector that
costs nothing and reports the same objects in every tile. Each runs in a process of its own, whose
peak resident memory is printed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import rasterio
from affine import Affine

from geomrcnn.inference.options import Options
from geomrcnn.inference.predict import predict_to_file
from tests.oracles.stub import StubDetector


def write_sparse(path: Path, size: int) -> None:
    """A GeoTIFF of black pixels of 1 m, none of which is stored."""
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 3, "dtype": "uint8",
        "crs": "EPSG:32632", "transform": Affine(1, 0, 200_000, 0, -1, 5_000_000),
        "tiled": True, "blockxsize": 512, "blockysize": 512, "sparse_ok": True, "bigtiff": "yes",
    }  # fmt: skip
    rasterio.open(path, "w", **profile).close()


def measure(size: int, objects: int, ending: str) -> dict[str, Any]:
    """Predict on a raster of a size in this process."""
    with tempfile.TemporaryDirectory() as folder:
        raster, out = Path(folder) / "sparse.tif", Path(folder) / f"out{ending}"
        write_sparse(raster, size)
        began = time.perf_counter()
        report = predict_to_file(raster, out, StubDetector(objects), Options())
        return {
            "size": size,
            "tiles": report.tiles,
            "objects": report.objects,
            "seconds": time.perf_counter() - began,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


@click.command()
@click.option("--size", "sizes", type=int, multiple=True, default=(20_000, 100_000),
              show_default=True, metavar="PX",
              help="Side of a raster. May be given again.")  # fmt: skip
@click.option("--objects", default=4, show_default=True, help="Objects in each tile.")
@click.option("--format", "ending", default=".gpkg", show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
@click.option("--alone", is_flag=True, hidden=True, help="Measure in this process.")
def main(sizes: tuple[int, ...], objects: int, ending: str, out: Path | None, alone: bool) -> None:
    """Print a row for each size."""
    if alone:
        click.echo(json.dumps(measure(sizes[0], objects, ending)))
        return
    click.echo(f"{'size, px':>10}{'tiles':>9}{'features':>10}{'tiles/s':>9}{'peak, MB':>10}")
    rows = []
    for size in sizes:
        more = ["--size", str(size), "--objects", str(objects), "--format", ending, "--alone"]
        command = [sys.executable, __file__, *more]
        row = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        click.echo(
            f"{row['size']:10,}{row['tiles']:9,}{row['objects']:10,}"
            f"{row['tiles'] / row['seconds']:9.0f}{row['peak_mb']:10.0f}"
        )
        rows.append(row)
    if out is not None:
        out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
