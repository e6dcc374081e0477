"""Rasters of other bits and bands than the model's, and what is found beyond their data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from geopandas import GeoDataFrame

from geomrcnn.errors import ModelError, RasterError
from geomrcnn.inference.area_of_interest import bounds_of
from geomrcnn.inference.bands import opening_for, parse_bands
from geomrcnn.inference.georeference import ground_areas
from geomrcnn.inference.predict import predict
from geomrcnn.raster.scaling import Method
from geomrcnn.raster.source import RasterSource
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.detector import Detections
from tests.oracles.detector import card
from tests.rasters import write_raster
from tests.servers import serving

SIDE = 300


def slope(dtype: str, low: float, high: float, bands: int = 3) -> np.ndarray:
    """Values that rise from left to right, in all bands."""
    line = np.linspace(low, high, SIDE).astype(dtype)
    return np.broadcast_to(line, (bands, SIDE, SIDE)).copy()


def line_of(source: RasterSource) -> np.ndarray:
    """The middle row of the first band."""
    with source:
        pixels, valid = source.read(Window(0, source.height // 2, source.width, 1))
    return np.where(valid[0], pixels[0, :, 0].astype(float), -1.0)


def model(**changes: object) -> Any:
    return card(gsd=2.0008, **changes)


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "int32", "float64"])
@pytest.mark.parametrize("scale", ["minmax", "percentile", "statistics"])
def test_values_are_stretched_to_bytes(tmp_path: Path, dtype: str, scale: Method) -> None:
    path = write_raster(tmp_path / "a.tif", slope(dtype, 200, 9000))
    source = opening_for(model(), path, scale=scale)()
    assert source.dtype == "uint8"
    line = line_of(source)
    assert (np.diff(line) >= 0).all()
    assert line[SIDE // 2] == pytest.approx(127, abs=2)
    assert line[0] < 20
    assert line[-1] > 235


def test_nodata_has_no_part_in_it(tmp_path: Path) -> None:
    pixels = slope("int16", 1000, 2000)
    pixels[:, :, :100] = -9999
    path = write_raster(tmp_path / "a.tif", pixels, nodata=-9999)
    line = line_of(opening_for(model(), path, scale="minmax")())
    assert (line[:100] == -1).all()
    assert (line[100], line[-1]) == (0, 255)


def test_a_refusal_names_the_option(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", slope("uint16", 0, 9000))
    with pytest.raises(RasterError, match=r"3 bands of uint16 .* adapt its values with --scale$"):
        opening_for(model(), path)()


def test_the_range_of_training_is_on_the_card(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", slope("uint8", 0, 255))
    trained = model(dtype="uint16", black=(300.0,) * 3, white=(3300.0,) * 3)
    line = line_of(opening_for(trained, path, scale="minmax")())
    assert (line[0], line[-1]) == (300, 3300)
    with pytest.raises(
        ModelError, match=r"'oracle' does not tell the range of uint16 .*as-trained"
    ):
        opening_for(model(dtype="uint16"), path, scale="minmax")()
    with pytest.raises(ModelError, match="'black' and 'white' need one value for each"):
        model(dtype="uint16", black=(1.0,), white=(2.0,))


def test_as_trained_changes_the_type_only(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", slope("int16", -5, 3000))
    source = opening_for(model(dtype="uint16"), path, scale="as-trained")()
    assert source.dtype == "uint16"
    line = line_of(source)
    assert (line[0], line[-1]) == (0, 3000)


def test_statistics_of_the_file_are_believed(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", slope("uint16", 0, 9000))
    with rasterio.open(path, "r+") as file:
        for band in (1, 2, 3):
            file.update_tags(band, STATISTICS_MEAN="4500", STATISTICS_STDDEV="1000")
    line = line_of(opening_for(model(), path, scale="statistics")())
    first, last = np.searchsorted(line, [1, 255])
    assert first == pytest.approx(SIDE * 2500 / 9000, abs=2)
    assert last == pytest.approx(SIDE * 6500 / 9000, abs=2)


@pytest.mark.parametrize("overviews", [True, False])
def test_large_rasters_are_sampled(tmp_path: Path, overviews: bool) -> None:
    pixels = np.random.default_rng(0).normal(5000, 500, (3, 1200, 1300)).astype(np.uint16)
    path = write_raster(tmp_path / "a.tif", pixels, tiled=True)
    if overviews:
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    with opening_for(model(), path, scale="statistics")() as source:
        assert source.scaling is not None
        assert source.scaling.gain[0] == pytest.approx(255 / 2000, rel=0.03 if not overviews else 1)
    again = opening_for(model(), path, scale="statistics")()
    with again:
        assert again.scaling == source.scaling


def test_a_raster_without_data_is_opened_too(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.zeros((3, 9, 9), np.uint16), nodata=0)
    for scale in ("minmax", "percentile", "statistics", "as-trained"):
        assert (line_of(opening_for(model(), path, scale=scale)()) == -1).all()


def test_models_of_floats_see_units(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", slope("uint16", 0, 10_000))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (1e-4,) * 3, (-0.1,) * 3
    line = line_of(opening_for(model(dtype="float32"), path)())
    np.testing.assert_allclose(line[[0, -1]], [-0.1, 0.9], atol=1e-6)
    line = line_of(opening_for(model(dtype="uint16"), path)())
    assert (line[0], line[-1]) == (0, 10_000)


def test_doubles_are_floats(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", slope("float64", 0, 1))
    with opening_for(model(dtype="float32"), path)() as source:
        assert source.dtype == "float32"


# --- bands ---------------------------------------------------------------------------------------


def named(path: Path) -> Path:
    pixels = np.ones((4, 9, 9), np.uint8) * np.arange(1, 5, dtype=np.uint8)[:, None, None]
    write_raster(path, pixels)
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("B2", "B3", "B4", "NIR")
    return path


@pytest.mark.parametrize(
    ("listed", "numbers"),
    [("nir,b4,b3", (4, 3, 2)), ("3, 2,1", (3, 2, 1)), ("NIR,1,b3", (4, 1, 2))],
)
def test_bands_by_name_or_number(tmp_path: Path, listed: str, numbers: tuple[int, ...]) -> None:
    with opening_for(model(), named(tmp_path / "a.tif"), bands=parse_bands(listed))() as source:
        assert source.bands == numbers
        pixels, _ = source.read(Window(0, 0, 1, 1))
    assert tuple(pixels[0, 0]) == numbers


def test_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"no band is named 'red', its bands are b2, b3, b4, nir"):
        opening_for(model(), named(tmp_path / "a.tif"), bands=("red", 1, 2))
    for listed in ("", "1,,2", "0,1"):
        with pytest.raises(ValueError, match="no list of band numbers"):
            parse_bands(listed)


def test_a_palette_is_true_colour(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 9, 9), np.uint8), photometric=None)
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (10, 20, 30, 255)})
    with opening_for(model(), path)() as source:
        pixels, valid = source.read(Window(0, 0, 9, 9))
    assert valid.all()
    assert pixels[0, 0].tolist() == [10, 20, 30]


# --- nothing beyond the data ---------------------------------------------------------------------


class Everywhere:
    """Sees an object of 20 by 20 pixels at every place of a tile, whatever is there."""

    description = "everywhere"
    digest = "1"

    def __init__(self, **changes: object) -> None:
        self.card = model(**changes)

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        return [self._detect(tile.window) for tile in tiles]

    def _detect(self, window: Window) -> Detections:
        places = [(x, y) for y in range(0, window.height, 24) for x in range(0, window.width, 24)]
        boxes = np.array([(x, y, x + 20, y + 20) for x, y in places], np.float32)
        count = len(boxes)
        return Detections(
            boxes=boxes,
            scores=np.full(count, 0.9, np.float32),
            classes=np.ones(count, np.int32),
            masks=np.ones((count, 28, 28), np.float32),
        )


@pytest.mark.parametrize("kind", ["0", "-9999", "nan", "alpha", "internal", "external"])
def test_nothing_is_found_beyond_the_data(tmp_path: Path, kind: str) -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    valid = np.hypot(rows - 150, columns - 150) < 110
    dtype = {"0": "uint16", "-9999": "int16", "nan": "float32"}.get(kind, "uint8")
    pixels, options = np.full((3, SIDE, SIDE), 99, dtype), {}
    if kind in ("0", "-9999", "nan"):
        pixels[:, ~valid] = float(kind)
        options["nodata"] = float(kind)
    if kind == "alpha":
        pixels = np.concatenate([pixels, np.where(valid, 255, 0)[None].astype(np.uint8)])
        options = {"photometric": "RGB", "ALPHA": "YES"}
    if kind == "internal":
        options["mask"] = valid
    path = write_raster(tmp_path / "a.tif", pixels, **options)
    if kind == "external":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
            file.write_mask(valid)
    frame = predict(path, model=Everywhere(dtype=dtype))
    assert len(frame) > 30
    to_pixels = [0.5, 0, 0, -0.5, -250_000, 2_500_000]
    found = [shapely.affinity.affine_transform(shape, to_pixels) for shape in frame.geometry]
    disc = shapely.Point(150.5, 150.5).buffer(110.5, quad_segs=64)
    beyond = sum(shape.difference(disc).area for shape in found)
    assert beyond < 0.01 * sum(shape.area for shape in found)
    assert all(shape.difference(disc.buffer(1.0)).is_empty for shape in found)


# --- places --------------------------------------------------------------------------------------


def square(x: float, y: float, side: float) -> shapely.Polygon:
    return shapely.box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


@pytest.mark.parametrize(
    ("crs", "place", "scale"),
    [
        ("EPSG:3031", (0.0, 0.0), 0.97276),  # the South Pole within
        ("EPSG:3413", (0.0, 0.0), 0.96986),
        ("EPSG:3832", (3_339_584.7, -1_800_000.0), None),  # across 180 degrees
        ("EPSG:4326", (180.0, -16.0), None),
    ],
)
def test_areas_hold_at_poles_and_the_antimeridian(
    crs: str, place: tuple[float, float], scale: float | None
) -> None:
    side = 0.01 if crs == "EPSG:4326" else 1000.0
    (area,) = ground_areas([square(*place, side)], crs)
    if scale is not None:
        assert area == pytest.approx((side / scale) ** 2, rel=1e-3)
    else:
        moved = (place[0] - (0.1 if side < 1 else 10_000), place[1])
        (beside,) = ground_areas([square(*moved, side)], crs)
        assert area == pytest.approx(beside, rel=1e-6)


def test_areas_leave_out_holes_and_add_parts() -> None:
    whole, hole = square(500_000, 5e6, 100), square(500_000, 5e6, 50)
    far = square(501_000, 5e6, 100)
    full, pierced, both = ground_areas(
        [whole, whole.difference(hole), whole.union(far)], "EPSG:32632"
    )
    assert pierced == pytest.approx(0.75 * full, rel=1e-6)
    assert both == pytest.approx(2 * full, rel=1e-5)


# --- tile services -------------------------------------------------------------------------------


def test_a_service_is_cut_to_the_area_and_a_margin(tmp_path: Path) -> None:
    area = GeoDataFrame(geometry=[shapely.box(9.0, 45.0, 9.002, 45.001)], crs=4326)
    area.to_crs(32632).to_file(tmp_path / "aoi.gpkg")
    trained = card(gsd=1.0, overlap=64)
    bounds = bounds_of(tmp_path / "aoi.gpkg", margin=64.0)
    assert bounds == pytest.approx((8.99919, 44.99943, 9.00281, 45.00157), abs=2e-5)
    with serving(lambda path, _: pytest.fail(path)) as server:  # opening asks for nothing
        template = f"{server.url}/{{z}}/{{x}}/{{y}}.png"
        with opening_for(trained, template, aoi=tmp_path / "aoi.gpkg")() as source:
            assert source.gsd == 1.0
            assert source.width == pytest.approx(157.7 + 128, abs=4)
            assert source.height == pytest.approx(111.1 + 128, abs=4)
            assert source.bands == (1, 2, 3)
        with pytest.raises(RasterError, match="covers the world; say where to look with --aoi"):
            opening_for(trained, template)
