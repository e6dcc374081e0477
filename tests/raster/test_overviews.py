"""Overviews are read for coarse pixels: less to decode, the same picture in the same place."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.shutil import copy

from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import write_raster

METRE = 1 / 0.9996  # a map unit of these tests on the ground
SHAPE = (1000, 1003)
HOLE = np.s_[400:610, 300:515]


def picture() -> np.ndarray:
    """Waves 60 pixels long, bright enough never to be nodata."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    waves = 120 + 60 * np.sin(rows / 9.5) + 60 * np.cos(columns / 9.5)
    return np.stack([waves, 250 - waves, waves / 2]).astype(np.uint8).clip(1)


def with_overviews(
    path: Path, kind: str, resampling: Resampling = Resampling.average, mask_too: bool = True
) -> Path:
    """The picture with a hole, and overviews of 2, 4 and 8."""
    pixels, hole = picture(), np.ones(SHAPE, bool)
    hole[HOLE] = False
    options: dict[str, object] = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    if kind == "nodata":
        pixels[:, ~hole] = 0
        options["nodata"] = 0
    if kind == "alpha":
        pixels = np.concatenate([pixels, np.where(hole, 255, 0)[None].astype(np.uint8)])
        options["photometric"] = "RGB"
        options["ALPHA"] = "YES"
    if kind == "internal mask" and mask_too:
        options["mask"] = hole
    write_raster(path, pixels, **options)  # type: ignore[arg-type]
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], resampling)
    if kind == "internal mask" and not mask_too:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
            file.write_mask(hole)
    if kind == "external mask":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
            file.write_mask(hole)
    return path


def bare(path: Path, kind: str) -> Path:
    """The same without overviews."""
    copy(str(path), str(path.with_name("bare.tif")), driver="GTiff")
    with rasterio.open(path.with_name("bare.tif")) as file:
        assert not file.overviews(1), kind
    return path.with_name("bare.tif")


def read_all(path: Path, gsd: float) -> tuple[np.ndarray, np.ndarray, str]:
    with open_raster(path, gsd=gsd * 2 * METRE) as source:
        pixels, valid = source.read(Window(0, 0, source.width, source.height))
        return pixels, valid, str(source.transform)


@pytest.mark.parametrize("scale", [4.0, 5.3, 11.0, 40.0])
@pytest.mark.parametrize("kind", ["none", "nodata", "alpha", "internal mask", "external mask"])
def test_an_overview_shows_what_the_file_shows(tmp_path: Path, kind: str, scale: float) -> None:
    path = with_overviews(tmp_path / "a.tif", kind)
    pixels, valid, place = read_all(path, scale)
    wanted, wanted_valid, wanted_place = read_all(bare(path, kind), scale)
    assert place == wanted_place
    assert (valid != wanted_valid).mean() < 0.01
    both = valid & wanted_valid
    assert np.abs(pixels[both].astype(int) - wanted[both]).mean() < 2
    if kind != "none":
        middle = np.s_[int(430 / scale) : int(580 / scale), int(330 / scale) : int(485 / scale)]
        assert not valid[middle].any()


def test_a_mask_without_overviews_is_not_forgotten(tmp_path: Path) -> None:
    path = with_overviews(tmp_path / "a.tif", "internal mask", mask_too=False)
    _, valid, _ = read_all(path, 8.0)
    assert not valid[52:73, 40:62].any()
    assert valid[:48].all()


def test_every_nth_pixel_is_still_averaged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write_raster(tmp_path / "a.tif", rng.integers(0, 255, (1, 512, 512), np.uint8))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8, 16], Resampling.nearest)
    pixels, _, _ = read_all(path, 16.0)
    # The 8-fold overview would have half the spread of single pixels, 74; the 16-fold all of it.
    assert pixels.std() < 74 / 1.8


def bytes_read() -> int:
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts bytes as Linux does")
def test_an_overview_is_less_to_decode(tmp_path: Path) -> None:
    path = with_overviews(tmp_path / "a.tif", "none")
    whole = 3 * SHAPE[0] * SHAPE[1]
    before = bytes_read()
    read_all(path, 8.0)
    assert bytes_read() - before < whole / 8  # 1 / 16 for the 4-fold overview, and headers
    before = bytes_read()
    read_all(path, 3.0)
    assert bytes_read() - before >= whole


def test_damaged_overviews_are_done_without(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", picture())
    wanted, _, _ = read_all(path, 8.0)
    (tmp_path / "a.tif.ovr").write_bytes(b"II*\0 what is this")
    pixels, valid, _ = read_all(path, 8.0)
    assert valid.all()
    np.testing.assert_array_equal(pixels, wanted)


def test_windows_of_an_overview_fit_together(tmp_path: Path) -> None:
    path = with_overviews(tmp_path / "a.tif", "nodata")
    with open_raster(path, gsd=2 * METRE * 5.3) as source:
        whole, valid = source.read(Window(0, 0, source.width, source.height))
        part, part_valid = source.read(Window(31, 17, 50, 90))
    np.testing.assert_array_equal(part, whole[17:107, 31:81])
    np.testing.assert_array_equal(part_valid, valid[17:107, 31:81])
