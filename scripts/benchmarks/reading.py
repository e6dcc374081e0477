"""What reading a raster tile by tile costs: scripts/bench reading.

Writes rasters of the usual layouts, reads all tiles of each in a process of its own, and
prints how many bytes GDAL asked the file for, against those that it has. A block is decoded as
often as its bytes are read: nothing between GDAL's cache of decoded blocks and the file keeps any.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.windows import Window

LAYOUTS: dict[str, dict[str, Any]] = {
    "tiles of 512": {"tiled": True, "blockxsize": 512, "blockysize": 512},
    "strips of 16 rows": {"blockysize": 16},
    "single rows, band by band": {"blockysize": 1, "interleave": "band"},
}
BANDS, PIXEL, TILE, OVERLAP = 3, 0.5, 1024, 128


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of reading all tiles of a raster once.

    Attributes:
        decoded: Bytes read from the file, over those it holds.
        demanded: The same if every pixel of every tile were read once.
        seconds: Wall time.
        peak_mb: Largest resident memory of the process.
    """

    decoded: float
    demanded: float
    seconds: float
    peak_mb: float


@click.command()
@click.option("--size", "width", default=20_000, show_default=True, help="Columns.")
@click.option("--height", default=4_000, show_default=True, help="Rows.")
@click.option("--gsd", "gsds", multiple=True, type=float, default=(0.5, 4.0), show_default=True,
              help=f"Metres a pixel to read at; the rasters have {PIXEL}.")  # fmt: skip
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(width: int, height: int, gsds: tuple[float, ...], out: Path | None) -> None:
    """Print a table: a row for each layout and ground sample distance."""
    click.echo(f"{width} × {height} pixels, {BANDS} bands of bytes, tiles of {TILE}\n")
    click.echo("| layout | GSD | decoded | demanded by the overlap | seconds | peak memory |")
    click.echo("|---|---|---|---|---|---|")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for layout in LAYOUTS:
            for overviews in (False, True):
                path = Path(folder) / "raster.tif"
                write(path, layout, width, height, overviews)
                name = f"{layout}, overviews" if overviews else layout
                for gsd in gsds:
                    cost = alone(path, gsd)
                    found.append({"layout": name, "gsd": gsd, **dataclasses.asdict(cost)})
                    click.echo(
                        f"| {name} | {gsd:g} m | {cost.decoded:.2f} × | {cost.demanded:.2f} × | "
                        f"{cost.seconds:.1f} | {cost.peak_mb:.0f} MB |"
                    )
    if out is not None:
        out.write_text(json.dumps(found, indent=2) + "\n")


def write(path: Path, layout: str, width: int, height: int, overviews: bool) -> None:
    """Write noise, a band of rows at a time; uncompressed, so that bytes are pixels."""
    rng = np.random.default_rng(0)
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": BANDS, "dtype": "uint8",
        "crs": "EPSG:32632", "transform": Affine(PIXEL, 0, 5e5, 0, -PIXEL, 5e6),
        "interleave": "pixel", "BIGTIFF": "IF_SAFER", **LAYOUTS[layout],
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, height, 512):
            rows = min(512, height - top)
            noise = rng.integers(1, 255, (BANDS, rows, width), np.uint8)
            file.write(noise, window=Window(0, top, width, rows))
    if overviews:
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4, 8], Resampling.average)


def alone(path: Path, gsd: float) -> Cost:
    """`measure` in a process that does nothing else."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(measure, path, gsd).result()


def measure(path: Path, gsd: float) -> Cost:
    """Read all tiles, in the order that `predict` does."""
    from geomrcnn.raster.grid import TileGrid, tiles
    from geomrcnn.raster.source import open_raster

    began = time.perf_counter()
    with open_raster(path, gsd=gsd) as source:
        grid = TileGrid(source.width, source.height, TILE, OVERLAP)
        before = bytes_read()
        for tile in tiles(source, grid):
            assert tile.valid.any()
        read = bytes_read() - before
        seen = source.width * source.height
    with rasterio.open(path) as file:
        stored = file.width * file.height * BANDS
    share = sum(_inside(c.window, source.width, source.height) for c in grid) / seen
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others kilobytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    return Cost(read / stored, share, time.perf_counter() - began, peak)


def _inside(window: Any, width: int, height: int) -> int:
    across = min(window.column + window.width, width) - window.column
    return int(across * (min(window.row + window.height, height) - window.row))


def bytes_read() -> int:
    """Bytes that this process has asked files for, as Linux counts them.

    Raises:
        click.ClickException: this is no Linux.
    """
    counts = Path("/proc/self/io")
    if not counts.exists():
        raise click.ClickException("counting the bytes that are read needs Linux")
    return int(counts.read_text().split()[1])


if __name__ == "__main__":
    main()
