"""Every kind of pixel with every kind of validity: what is read is what was written."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import write_raster

SIDE = 23
DTYPES = ("uint8", "uint16", "int16", "float32")
VALIDITY = ("none", "0", "-9999", "nan", "alpha", "internal", "external")
COUNTS = (1, 3, 4, 13)
DRIVERS: dict[str, dict[str, Any]] = {
    "GTiff": {"compress": "deflate"},
    "GTiff by band": {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "band"},
    "ENVI": {"driver": "ENVI", "photometric": None},
    "HFA": {"driver": "HFA", "photometric": None},
    "COG": {"driver": "COG", "photometric": None},
    "JP2": {"driver": "JP2OpenJPEG", "photometric": None, "QUALITY": "100", "REVERSIBLE": "YES"},
    "PNG": {"driver": "PNG", "photometric": None},
}  # fmt: skip


def possible(driver: str, dtype: str, kind: str, count: int) -> bool:
    """Whether a file of that kind can be."""
    if kind in ("nan", "-9999") and dtype == "uint8":
        return False
    if kind == "nan" and dtype != "float32":
        return False
    if kind == "-9999" and dtype == "uint16":
        return False
    if driver in ("JP2", "PNG") and (
        dtype not in ("uint8", "uint16") or kind not in ("none", "alpha")
    ):
        return False
    if driver == "PNG" and count + (kind == "alpha") > 4:
        return False
    if driver == "PNG" and count in (2, 4):  # the last band of an even number is alpha
        return False
    if driver in ("ENVI", "HFA", "JP2") and kind == "alpha":
        return False  # GDAL does not write it there
    if kind == "internal":
        return driver.startswith("GTiff") or driver == "COG"
    if kind == "external":
        return driver in ("GTiff", "ENVI")
    return True


CASES = [
    case for case in product(DRIVERS, DTYPES, VALIDITY, COUNTS)
    if possible(*case)
]  # fmt: skip


def written(path: Path, driver: str, dtype: str, kind: str, count: int) -> tuple[Path, Any, Any]:
    """A raster with a hole; its pixels [h, w, bands] and validity [h, w]."""
    rng = np.random.default_rng(3)
    low, high = (-500, 500) if dtype in ("int16", "float32") else (1, np.iinfo(dtype).max)
    pixels = rng.integers(low, high, (count, SIDE, SIDE)).astype(dtype)
    pixels[pixels == 0] = 1
    valid = np.ones((SIDE, SIDE), bool)
    if kind != "none":
        valid[5:12, 3:20] = False
    options = dict(DRIVERS[driver])
    if kind in ("0", "-9999", "nan"):
        pixels[:, ~valid] = float(kind)
        options["nodata"] = float(kind)
    layers = pixels
    if kind == "alpha":
        opaque = 255 if dtype not in ("uint16",) else 65535
        layers = np.concatenate([pixels, np.where(valid, opaque, 0)[None].astype(dtype)])
        grey = [ColorInterp.gray, *[ColorInterp.undefined] * (count - 1)]
        options["colours"] = (*grey, ColorInterp.alpha)
    if kind == "internal":
        options["mask"] = valid
    write_raster(path, layers, **options)
    if kind == "external":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
            file.write_mask(valid)
    return path, np.moveaxis(pixels, 0, -1), valid


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_is_read_is_what_was_written(tmp_path: Path, driver: str) -> None:
    checked = 0
    for _, dtype, kind, count in (case for case in CASES if case[0] == driver):
        folder = tmp_path / f"{dtype} {kind} {count}"
        folder.mkdir()
        path, pixels, valid = written(folder / "a.raster", driver, dtype, kind, count)
        with open_raster(path) as source:
            got, found = source.read(Window(0, 0, SIDE, SIDE))
            assert (source.dtype, source.count) == (dtype, count), folder.name
        np.testing.assert_array_equal(found, valid, err_msg=folder.name)
        np.testing.assert_array_equal(got, np.where(valid[..., None], pixels, 0), folder.name)
        with open_raster(path, gsd=6.1) as source:
            coarse, found = source.read(Window(0, 0, source.width, source.height))
            assert found.all() == valid.all(), folder.name
            if source.has_crs:  # no mean of valid values is where nothing is valid
                assert not coarse[~found].any()
        checked += 1
    assert checked == sum(case[0] == driver for case in CASES) > 3


def test_the_matrix_is_wide() -> None:
    assert len(CASES) > 150
    assert {case[2] for case in CASES} == set(VALIDITY)


# --- palettes ------------------------------------------------------------------------------------

COLOURS = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (10, 20, 30, 255), 5: (0, 0, 0, 0)}


def paletted(path: Path, driver: str = "GTiff", **options: Any) -> Path:
    indices = np.array([[0, 1, 2], [2, 1, 5]], np.uint8)[None]
    write_raster(path, indices, driver=driver, photometric=None, **options)
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, COLOURS)
    return path


def test_a_palette_is_shown_as_colours(tmp_path: Path) -> None:
    with open_raster(paletted(tmp_path / "a.tif")) as source:
        assert (source.count, source.dtype) == (3, "uint8")
        assert source.band_names == ("red", "green", "blue")
        pixels, _ = source.read(Window(0, 0, 3, 2))
        small, _, _ = source.thumbnail(2)
    assert pixels[0].tolist() == [[255, 0, 0], [0, 255, 0], [10, 20, 30]]
    assert pixels[1, 1].tolist() == [0, 255, 0]
    assert small.shape[-1] == 3


def test_bands_of_a_palette_can_be_chosen(tmp_path: Path) -> None:
    with open_raster(paletted(tmp_path / "a.tif"), bands=(3, 1)) as source:
        pixels, _ = source.read(Window(2, 0, 1, 1))
    assert pixels.tolist() == [[[30, 10]]]


def test_an_index_that_is_nodata_or_transparent_is_no_data(tmp_path: Path) -> None:
    with open_raster(paletted(tmp_path / "a.tif", nodata=2)) as source:
        _, valid = source.read(Window(0, 0, 3, 2))
    assert valid[0].tolist() == [True, True, False]
    assert not valid[1, 0]


def test_indices_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    with open_raster(paletted(tmp_path / "a.tif"), bands=[1], indices=True) as source:
        pixels, _ = source.read(Window(0, 0, 3, 2))
    assert pixels[..., 0].tolist() == [[0, 1, 2], [2, 1, 5]]


def test_colours_are_averaged_and_not_indices(tmp_path: Path) -> None:
    indices = np.tile(np.array([[0, 2], [2, 0]], np.uint8), (4, 4))[None]
    path = write_raster(tmp_path / "a.tif", indices, photometric=None)
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, COLOURS)
    with open_raster(path, gsd=4.0016) as source:
        pixels, _ = source.read(Window(0, 0, 4, 4))
    assert pixels[1, 1].tolist() == [132, 10, 15]  # between red and (10, 20, 30)


# --- scale and offset ----------------------------------------------------------------------------


def test_tags_of_scale_and_offset_are_applied_on_demand(tmp_path: Path) -> None:
    stored = np.array([[1000, 2000, 0]], np.uint16)[None].repeat(2, axis=0)
    path = write_raster(tmp_path / "a.tif", stored, nodata=0)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (1e-4, 2e-4), (-0.1, 0.0)
        file.update_tags(1, STATISTICS_MEAN="1500", STATISTICS_STDDEV="500")
        file.update_tags(2, STATISTICS_MEAN="1500", STATISTICS_STDDEV="500")
    with open_raster(path) as source:
        assert source.dtype == "uint16"
        assert source.moments == [(1500, 500), (1500, 500)]
    with open_raster(path, in_units=True) as source:
        pixels, valid = source.read(Window(0, 0, 3, 1))
        assert source.dtype == "float32"
        np.testing.assert_allclose(source.moments, [(0.05, 0.05), (0.3, 0.1)])
    np.testing.assert_allclose(pixels[0, :2], [[0.0, 0.2], [0.1, 0.4]], atol=1e-6)
    assert valid[0].tolist() == [True, True, False]
    assert pixels[0, 2].tolist() == [0, 0]


def test_without_tags_units_are_what_is_stored(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 2, 2), np.uint16))
    with open_raster(path, in_units=True) as source:
        assert source.dtype == "uint16"
        assert source.moments is None
