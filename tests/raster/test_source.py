"""Opening and reading rasters of every kind on their own grid."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from geomrcnn.errors import RasterError
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import NORTH_UP, write_raster

RGBA = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)


def noise(bands: int, height: int, width: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(7).integers(1, 250, (bands, height, width)).astype(dtype)


def read_all(path: Path | str, **options: object) -> tuple[np.ndarray, np.ndarray]:
    with open_raster(path, **options) as source:  # type: ignore[arg-type]
        return source.read(Window(0, 0, source.width, source.height))


def test_attributes(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(2, 5, 9, "uint16"))
    with rasterio.open(path, "r+") as file:
        file.set_band_description(2, "Near Infrared")
    with open_raster(path) as source:
        assert (source.path, source.width, source.height) == (str(path), 9, 5)
        assert (source.count, source.dtype) == (2, "uint16")
        assert source.band_names == ("band 1", "near infrared")
        assert source.has_crs
        assert source.crs == rasterio.CRS.from_epsg(32632)
        assert source.transform == NORTH_UP
        assert source.gsd == source.native_gsd == pytest.approx(2.0008, abs=1e-4)


def test_close_enough_keeps_the_pixels(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 5, 9))
    with open_raster(path, gsd=2.015) as source:
        assert (source.width, source.transform) == (9, NORTH_UP)
        assert source.gsd == source.native_gsd
    with open_raster(path, gsd=2.03) as source:
        assert source.gsd == 2.03
        assert source.transform.a == pytest.approx(2.03 * 0.9996)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    window=st.builds(
        Window,
        st.integers(-30, 30),
        st.integers(-30, 30),
        st.integers(1, 40),
        st.integers(1, 40),
    ),
    gsd=st.sampled_from([None, 3.1, 1.3]),
)
def test_any_window_is_cut_from_the_padded_raster(
    tmp_path: Path, window: Window, gsd: float | None
) -> None:
    path = tmp_path / "a.tif"
    if not path.exists():
        write_raster(path, noise(2, 11, 19))
    with open_raster(path, gsd=gsd) as source:
        whole, _ = source.read(Window(0, 0, source.width, source.height))
        pixels, valid = source.read(window)
    margin = 80
    padded = np.pad(whole, ((margin,) * 2, (margin,) * 2, (0, 0)))
    inside = np.pad(np.ones(whole.shape[:2], bool), margin)
    rows = slice(window.row + margin, window.row + margin + window.height)
    columns = slice(window.column + margin, window.column + margin + window.width)
    np.testing.assert_array_equal(pixels, padded[rows, columns])
    np.testing.assert_array_equal(valid, inside[rows, columns])
    assert pixels.dtype == np.uint8


def test_single_pixel(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.full((1, 1, 1), 9, "uint8"))
    for gsd in (None, 2.0, 1.0, 50.0):
        pixels, valid = read_all(path, gsd=gsd)
        assert valid.all()
        assert (pixels == 9).all()


def test_bands_are_chosen_by_number_in_the_given_order(tmp_path: Path) -> None:
    pixels = noise(4, 6, 7)
    path = write_raster(tmp_path / "a.tif", pixels)
    for gsd in (None, 1.0):
        got, _ = read_all(path, bands=(4, 2), gsd=gsd)
        want, _ = read_all(path, gsd=gsd)
        np.testing.assert_array_equal(got, want[..., [3, 1]])
    assert got.shape == (12, 14, 2)


@pytest.mark.parametrize(
    ("bands", "words"),
    [((0,), "no band 0"), ((1, 5), "no band 5"), ((), "no bands"), ((1, 4), "band 4 is alpha")],
)
def test_bands_that_are_none(tmp_path: Path, bands: tuple[int, ...], words: str) -> None:
    path = write_raster(tmp_path / "a.tif", noise(4, 6, 7), colours=RGBA)
    with pytest.raises(RasterError, match=words):
        open_raster(path, bands=bands)


@pytest.mark.parametrize("gsd", [0.0, -1.0, float("nan"), float("inf")])
def test_gsd_must_be_positive(tmp_path: Path, gsd: float) -> None:
    with pytest.raises(RasterError, match="positive metres"):
        open_raster(write_raster(tmp_path / "a.tif", noise(1, 3, 3)), gsd=gsd)


def test_absurdly_fine_gsd(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match="would have 18007"):
        open_raster(write_raster(tmp_path / "a.tif", noise(1, 9, 9)), gsd=1e-12)


# --- validity ------------------------------------------------------------------------------------


def test_nodata_needs_every_band(tmp_path: Path) -> None:
    pixels = noise(3, 4, 4)
    pixels[:, 0, 0] = 0
    pixels[0, 1, 1] = 0
    _, valid = read_all(write_raster(tmp_path / "a.tif", pixels, nodata=0))
    assert not valid[0, 0]
    assert valid.sum() == 15


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_alpha_is_validity_and_no_band(tmp_path: Path, dtype: str) -> None:
    pixels = noise(4, 4, 4, dtype)
    pixels[3] = np.iinfo(dtype).max
    pixels[3, 0, :2] = (0, 1)
    got, valid = read_all(write_raster(tmp_path / "a.tif", pixels, colours=RGBA))
    assert got.shape == (4, 4, 3)
    assert not valid[0, 0]
    assert valid.sum() == 15
    assert (got[0, 0] == 0).all()
    np.testing.assert_array_equal(got[1:], np.moveaxis(pixels[:3, 1:], 0, -1))


@pytest.mark.parametrize("bands", [2, 3, 5, 6])
def test_alpha_may_be_any_of_any_number_of_bands(tmp_path: Path, bands: int) -> None:
    pixels = noise(bands, 4, 4)
    pixels[1, :, 0] = 0
    colours = [ColorInterp.gray] + [ColorInterp.undefined] * (bands - 1)
    colours[1] = ColorInterp.alpha
    path = write_raster(tmp_path / "a.tif", pixels, colours=tuple(colours))
    got, valid = read_all(path)
    np.testing.assert_array_equal(valid, pixels[1] > 0)
    np.testing.assert_array_equal(got[valid], np.moveaxis(np.delete(pixels, 1, 0), 0, -1)[valid])
    with open_raster(path) as source:
        assert source.band_names == (
            ("gray",) if bands == 2 else ("band 1", *(f"band {n}" for n in range(3, bands + 1)))
        )


def test_nan_in_any_band(tmp_path: Path) -> None:
    pixels = noise(2, 4, 4, "float32")
    pixels[1, 2, 2] = np.nan
    got, valid = read_all(write_raster(tmp_path / "a.tif", pixels))
    assert not valid[2, 2]
    assert valid.sum() == 15
    assert np.isfinite(got).all()
    assert got.dtype == np.float32


@pytest.mark.parametrize("kind", ["nodata+alpha", "nodata+mask", "nodata+nan"])
def test_kinds_of_invalidity_add_up(tmp_path: Path, kind: str) -> None:
    pixels = noise(3, 4, 4, "float32")
    pixels[:, 0, 0] = -9999
    options: dict[str, object] = {"nodata": -9999}
    hidden = np.ones((4, 4), bool)
    hidden[3, 3] = False
    if kind.endswith("alpha"):
        pixels = np.concatenate([pixels, hidden[None].astype("float32") * 255])
        options["colours"] = RGBA
    elif kind.endswith("mask"):
        options["mask"] = hidden
    else:
        pixels[0, 3, 3] = np.nan
    hidden[0, 0] = False
    got, valid = read_all(write_raster(tmp_path / "a.tif", pixels, **options))  # type: ignore[arg-type]
    np.testing.assert_array_equal(valid, hidden)
    assert (got[~valid] == 0).all()


def test_a_mask_beside_the_file(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 4, 4))
    mask = np.eye(4, dtype=bool)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(mask)
    assert (tmp_path / "a.tif.msk").exists()
    np.testing.assert_array_equal(read_all(path)[1], mask)


# --- georeference --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_without_crs_pixels_are_taken_as_they_are(tmp_path: Path) -> None:
    pixels = noise(3, 6, 8)
    path = tmp_path / "a.png"
    write_raster(path, pixels, crs=None, transform=Affine.identity(), driver="PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_raster(path, gsd=0.25) as source:
            assert not source.has_crs
            assert (source.crs, source.gsd, source.native_gsd) == (None, None, None)
            assert source.transform.is_identity
            got, valid = source.read(Window(0, 0, 8, 6))
    np.testing.assert_array_equal(got, np.moveaxis(pixels, 0, -1))
    assert valid.all()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_control_points_only(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    corners = [GroundControlPoint(r, c, 9 + c / 99, 50 - r / 99) for r in (0, 5) for c in (0, 5)]
    write_raster(path, noise(1, 5, 5), crs=None, transform=Affine.identity())
    with rasterio.open(path, "r+") as file:
        file.gcps = (corners, rasterio.CRS.from_epsg(4326))
    with pytest.raises(RasterError, match=r"a\.tif: placed by control points only; warp it first"):
        open_raster(path)


# --- what cannot be opened or read ---------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"nowhere\.tif: no such file$"):
        open_raster(tmp_path / "nowhere.tif")


def test_text_folder_and_virtual_path(tmp_path: Path) -> None:
    text = tmp_path / "text.tif"
    text.write_text("not an image")
    with pytest.raises(RasterError, match=r"text\.tif: not a raster GDAL can read$"):
        open_raster(text)
    with pytest.raises(RasterError, match="a folder, not a raster"):
        open_raster(tmp_path)
    with pytest.raises(RasterError, match=r"^/vsimem/none\.tif: GDAL cannot open it: "):
        open_raster("/vsimem/none.tif")


def test_complex_numbers(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 4, 4, "complex64"))
    with pytest.raises(RasterError, match="band 1 holds complex numbers"):
        open_raster(path)


def test_several_rasters_in_one(tmp_path: Path) -> None:
    for name, mode in (("one", "NO"), ("two", "YES")):
        write_raster(
            tmp_path / "a.gpkg",
            noise(1, 4, 4),
            driver="GPKG",
            RASTER_TABLE=name,
            APPEND_SUBDATASET=mode,
            photometric=None,
        )
    with pytest.raises(RasterError, match=r"holds several rasters, name one, such as GPKG:.*one"):
        open_raster(tmp_path / "a.gpkg")
    with open_raster(f"GPKG:{tmp_path / 'a.gpkg'}:two") as source:
        assert (source.width, source.has_crs) == (4, True)


@pytest.mark.parametrize("gsd", [None, 5.0])
def test_damaged_data(tmp_path: Path, gsd: float | None) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 300, 300), compress="deflate")
    os.truncate(path, path.stat().st_size // 2)
    with (
        pytest.raises(RasterError, match=r"a\.tif: rows 0 to 300, .* cannot be read: \S") as e,
        open_raster(path, gsd=gsd) as source,
    ):
        source.read(Window(0, 0, source.width, source.height))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("gsd", [None, 5.0])
def test_vrt_whose_source_is_gone(tmp_path: Path, gsd: float | None) -> None:
    part = write_raster(tmp_path / "part.tif", noise(1, 8, 8))
    vrt = tmp_path / "a.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><SRS>EPSG:32632</SRS>'
        "<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">part.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    assert read_all(vrt, gsd=gsd)[1].all()
    part.unlink()
    with pytest.raises(RasterError, match=r"a\.vrt"):
        read_all(vrt, gsd=gsd)


def test_paths_gdal_alone_understands(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", noise(3, 8, 8))
    pixels, _ = read_all(f"vrt://{tmp_path / 'a.tif'}?bands=3")
    np.testing.assert_array_equal(pixels[..., 0], noise(3, 8, 8)[2])


# --- thumbnail -----------------------------------------------------------------------------------


def test_thumbnail_is_small_and_square_on_the_ground(tmp_path: Path) -> None:
    # At 60 degrees north a degree of longitude is half a degree of latitude.
    square_degrees = Affine(1e-4, 0, 10.0, 0, -1e-4, 60.0)
    path = write_raster(
        tmp_path / "a.tif", noise(1, 100, 400), crs="EPSG:4326", transform=square_degrees
    )
    with open_raster(path) as source:
        pixels, valid, transform = source.thumbnail(100)
    assert pixels.shape == (50, 100, 1)
    assert valid.all()
    assert transform.almost_equals(Affine(4e-4, 0, 10.0, 0, -2e-4, 60.0))
    assert pixels.mean() == pytest.approx(noise(1, 100, 400).mean(), abs=2)


def test_thumbnail_never_enlarges(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 10, 40))
    with open_raster(path, gsd=9.0) as source:
        pixels, _, transform = source.thumbnail(1000)
    np.testing.assert_array_equal(pixels[..., 0], noise(1, 10, 40)[0])
    assert transform == NORTH_UP
