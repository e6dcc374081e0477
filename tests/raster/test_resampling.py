"""Resampled pixels: the right values, at the right place, never mixed with nodata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

import geomrcnn.raster.source
from geomrcnn.raster.ground import ground_step
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.oracles import resampling as slow
from tests.rasters import NORTH_UP, write_raster

RGBA = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
UTM_SCALE = 0.9996
METRE = 1 / UTM_SCALE  # a map unit of these tests on the ground

GRIDS = {
    "north-up": NORTH_UP,
    "south-up": Affine(2.0, 0.0, 500_000.0, 0.0, 2.0, 5_000_000.0),
    "rotated": NORTH_UP @ Affine.rotation(30.0),
    "oblong": Affine(2.0, 0.0, 500_000.0, 0.0, -3.5, 5_000_000.0),
}
MASKS = ("none", "nodata", "nan", "alpha", "mask", "nodata+alpha", "nodata+mask")


def write_masked(
    path: Path, kind: str, grid: str, dtype: str
) -> tuple[Path, np.ndarray, np.ndarray]:
    """A noisy raster with holes; its pixels [h, w, bands] and validity [h, w]."""
    rng = np.random.default_rng(11)
    pixels = rng.integers(1, 200, (3, 33, 27)).astype(dtype)
    hole = rng.random((33, 27)) < 0.15
    hole[8:20, 5:16] = True
    first, second = hole.copy(), hole.copy()
    first[:, 13:] = second[:, :13] = False  # where two masks add up, each has one half
    options: dict[str, object] = {}
    nodata = np.nan if kind == "nan" else 0
    if kind in ("nodata", "nan", "nodata+alpha", "nodata+mask"):
        pixels[:, first if "+" in kind else hole] = nodata
        options["nodata"] = nodata
    rest = second if "+" in kind else hole
    if kind.endswith("alpha"):
        alpha = np.where(rest, 0, 255)[None].astype(dtype)
        pixels = np.concatenate([pixels, alpha])
        options["colours"] = RGBA
    if kind.endswith("mask"):
        options["mask"] = ~rest
    write_raster(path, pixels, transform=GRIDS[grid], **options)  # type: ignore[arg-type]
    valid = np.ones_like(hole) if kind == "none" else ~hole
    return path, np.moveaxis(pixels[:3], 0, -1), valid


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("gsd", [8.0, 5.3, 2.7, 1.1])
def test_agrees_with_a_slow_reference(tmp_path: Path, kind: str, grid: str, gsd: float) -> None:
    dtype = "float32" if kind == "nan" else "uint8"
    path, pixels, valid = write_masked(tmp_path / "a.tif", kind, grid, dtype)
    with open_raster(path, gsd=gsd * METRE) as source:
        got, found = source.read(Window(0, 0, source.width, source.height))
        assert source.gsd == gsd * METRE
    t = GRIDS[grid]
    want, expected = slow.resample(
        pixels, valid, gsd / np.hypot(t.a, t.d), gsd / np.hypot(t.b, t.e)
    )
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(got, want, atol=1e-3 if kind == "nan" else 0.501)
    assert got.dtype == dtype


MERCATOR_45 = Affine(3.0, 0.0, 1_000_000.0, 0.0, -3.0, 5_621_521.0)
MERCATOR_60 = Affine(3.0, 0.0, 1_000_000.0, 0.0, -3.0, 8_399_738.0)
DEGREES_60 = Affine(2e-5, 0.0, 11.0, 0.0, -2e-5, 60.0)
PLACES = {
    "mercator 45": ("EPSG:3857", MERCATOR_45),
    "mercator 60": ("EPSG:3857", MERCATOR_60),
    "mercator 60 south-up": ("EPSG:3857", MERCATOR_60 @ Affine.scale(1, -1)),
    "mercator 60 rotated": ("EPSG:3857", MERCATOR_60 @ Affine.rotation(-20)),
    "utm": ("EPSG:32632", NORTH_UP),
    "degrees 60": ("EPSG:4326", DEGREES_60),
    "degrees 60 rotated": ("EPSG:4326", DEGREES_60 @ Affine.rotation(70)),
}


def centres(width: int, height: int, transform: Affine) -> tuple[np.ndarray, np.ndarray]:
    """Map coordinates [height, width] of the centres of pixels."""
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * column + b * row + c, d * column + e * row + f


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("gsd", [7.3, 1.7, 0.4])
def test_a_slope_stays_where_it_is_on_the_map(tmp_path: Path, place: str, gsd: float) -> None:
    """Box means of a plane are its values at the centres; half a pixel off would be 1 to 3.5."""
    crs, transform = PLACES[place]
    x0, y0 = transform.c, transform.f
    unit = np.hypot(transform.a, transform.d)  # the plane rises by 2 and 5 an old pixel
    x, y = centres(40, 30, transform)
    plane = (2 * (x - x0) + 5 * (y - y0)) / unit
    path = write_raster(tmp_path / "a.tif", plane[None], crs=crs, transform=transform)
    with open_raster(path, gsd=gsd) as source:
        whole = Window(0, 0, source.width, source.height)
        got = source.read(whole)[0][..., 0]
        step = ground_step(source.transform, source.crs, source.width, source.height)
        assert step == pytest.approx((gsd, gsd), rel=2e-5)
        x, y = centres(source.width, source.height, source.transform)
    native = ground_step(transform, CRS.from_string(crs), 40, 30)
    assert native is not None
    # Interpolation has no second neighbour within half an old pixel of the edge.
    rim = 1 + int(max(native) / gsd)
    inner = np.s_[rim:-rim, rim:-rim]
    assert got[inner].size > 10
    want = (2 * (x - x0) + 5 * (y - y0)) / unit
    error = (got - want)[inner]
    if gsd < min(native):
        np.testing.assert_allclose(error, 0, atol=1e-3)
    else:
        # Old pixels are steps of the plane: a box that cuts one is off by 1/8 of a step at most.
        assert np.abs(error).max() < (2 + 5) / 8
        assert abs(error.mean()) < 0.1


def test_the_new_grid_covers_the_old_one_but_for_half_a_pixel(tmp_path: Path) -> None:
    pixels = np.ones((1, 31, 57), np.uint8)
    path = write_raster(tmp_path / "a.tif", pixels)
    for gsd in (0.3, 1.9, 2.9, 8.0, 21.0, 1000.0, 2.0**31, 1e300):
        with open_raster(path, gsd=gsd) as source:
            assert source.width == max(1, round(57 * 2 / UTM_SCALE / gsd))
            assert source.height == max(1, round(31 * 2 / UTM_SCALE / gsd))
            got, valid = source.read(Window(0, 0, source.width, source.height))
            assert valid.all()
            assert (got == 1).all()


def test_windows_and_strips_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = write_masked(tmp_path / "a.tif", "nan", "rotated", "float32")
    for gsd in (5.3, 0.9):
        with open_raster(path, gsd=gsd) as source:
            whole, valid = source.read(Window(0, 0, source.width, source.height))
            monkeypatch.setattr(geomrcnn.raster.source, "STRIP", 50)
            again, valid_again = source.read(Window(0, 0, source.width, source.height))
            np.testing.assert_array_equal(again, whole)
            np.testing.assert_array_equal(valid_again, valid)
            part, valid_part = source.read(Window(2, 3, 5, 7))
            np.testing.assert_array_equal(part, whole[3:10, 2:7])
            np.testing.assert_array_equal(valid_part, valid[3:10, 2:7])
            monkeypatch.undo()


@pytest.mark.parametrize(
    ("dtype", "value"), [("int16", -7), ("uint16", 65535), ("int32", 2**31 - 1), ("float64", 1e300)]
)
def test_types_keep_their_values(tmp_path: Path, dtype: str, value: float) -> None:
    path = write_raster(tmp_path / "a.tif", np.full((1, 9, 9), value, dtype))
    for gsd in (5.0, 1.5):
        with open_raster(path, gsd=gsd) as source:
            pixels, _ = source.read(Window(0, 0, source.width, source.height))
        assert pixels.dtype == dtype
        np.testing.assert_allclose(pixels, np.full_like(pixels, value), rtol=1e-12)


def test_nodata_that_no_pixel_can_have(tmp_path: Path) -> None:
    write_raster(tmp_path / "part.tif", np.full((1, 8, 8), 5, np.uint8))
    vrt = tmp_path / "a.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><SRS>EPSG:32632</SRS>'
        "<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"><NoDataValue>-9999</NoDataValue><SimpleSource>'
        '<SourceFilename relativeToVRT="1">part.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    for gsd in (None, 5.0):
        with open_raster(vrt, gsd=gsd) as source:
            pixels, valid = source.read(Window(0, 0, source.width, source.height))
        assert valid.all()
        assert (pixels == 5).all()


def test_real_imagery_at_its_own_size_is_untouched(shared: Path) -> None:
    path = shared / "data/naip_fields_us/images/train_08.tif"
    with open_raster(path) as native, open_raster(path, gsd=1.0) as source:
        assert (source.width, source.height) == (1024, 1024)
        assert source.transform == native.transform
        with open_raster(path, gsd=2.0) as coarse:
            assert (coarse.width, coarse.height) == (513, 511)
            fine, _ = native.read(Window(0, 0, 1024, 1024))
            small, valid = coarse.read(Window(0, 0, 513, 511))
    assert valid.all()
    assert small.mean() == pytest.approx(fine.mean(), abs=0.2)
