"""Tiles one after the other: the same as one by one, and nothing decoded in vain."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import geomrcnn.raster.source
import geomrcnn.raster.tile_reader
from geomrcnn.errors import RasterError
from geomrcnn.raster.grid import Cell, TileGrid, tiles
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from geomrcnn.raster.tile_reader import TileReader
from tests.raster.test_overviews import bytes_read
from tests.rasters import write_raster

WIDE, HIGH, TILE = 3000, 130, 64


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that holds no row of tiles, and swaths of some ten tiles."""
    monkeypatch.setattr(geomrcnn.raster.source, "CACHE", 2**19)
    monkeypatch.setitem(geomrcnn.raster.opening.GDAL_OPTIONS, "GDAL_CACHEMAX", 2**19)
    monkeypatch.setattr(geomrcnn.raster.tile_reader, "SWATH", 10 * TILE * TILE * 4)


def strips(path: Path, **options: object) -> Path:
    pixels = np.random.default_rng(1).integers(1, 255, (3, HIGH, WIDE), np.uint8)
    return write_raster(path, pixels, blockysize=8, interleave="pixel", **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("gsd", [None, 3.1, 1.4])
def test_tiles_are_what_single_windows_are(tmp_path: Path, gsd: float | None) -> None:
    path = strips(tmp_path / "a.tif", compress="deflate", nodata=0)
    with open_raster(path, gsd=gsd) as source:
        grid = TileGrid(source.width, source.height, TILE, 16)
        assert source.reads_far_aside(Window(0, 0, TILE, TILE))
        reach = Window(0, 0, source.width + TILE, source.height + TILE)
        pixels, valid = source.read(reach)
        for tile in tiles(source, grid):
            column, row, width, height = tile.window
            place = np.s_[row : row + height, column : column + width]
            np.testing.assert_array_equal(tile.pixels, pixels[place])
            np.testing.assert_array_equal(tile.valid, valid[place])
            tile.pixels[:] = 0  # nobody else's


@pytest.mark.usefixtures("small_memory")
@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts bytes as Linux does")
def test_rows_are_decoded_once_for_each_swath(tmp_path: Path) -> None:
    path = strips(tmp_path / "a.tif")
    with open_raster(path) as source:
        grid = TileGrid(WIDE, HIGH, TILE, 16)
        swaths = -(-WIDE // (10 * TILE - 16))
        before = bytes_read()
        for tile in tiles(source, grid):
            assert tile.valid.all()
        decoded = (bytes_read() - before) / path.stat().st_size
    demanded = grid.rows * TILE / HIGH
    assert demanded <= decoded < 1.2 * demanded * (swaths + 1)
    assert decoded < grid.columns / 4  # tile by tile, it would be this often and more


def test_files_in_tiles_are_read_tile_by_tile(tmp_path: Path) -> None:
    pixels = np.ones((3, 600, 600), np.uint8)
    path = write_raster(tmp_path / "a.tif", pixels, tiled=True, blockxsize=128, blockysize=128)
    with open_raster(path) as source:
        assert not source.reads_far_aside(Window(0, 0, TILE, TILE))


@pytest.mark.usefixtures("small_memory")
def test_what_is_damaged_spoils_only_itself(tmp_path: Path) -> None:
    path = strips(tmp_path / "a.tif", compress="deflate")
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 200_000)
    with open_raster(path) as source:
        reader, fates = TileReader(source), []
        for cell in TileGrid(WIDE, HIGH, TILE, 16):
            try:
                fates.append((cell.row, reader.read(cell).valid.all()))
            except RasterError:
                fates.append((cell.row, None))
    spoilt = {row for row, fate in fates if fate is None}
    assert spoilt
    assert spoilt < set(range(4))
    assert all(fate for row, fate in fates if row not in spoilt)


def test_a_window_beyond_the_last_swath(tmp_path: Path) -> None:
    path = strips(tmp_path / "a.tif")
    with open_raster(path) as source:
        tile = TileReader(source).read(Cell(0, 0, Window(WIDE - 10, HIGH - 5, TILE, TILE)))
    assert tile.valid.sum() == 50
