"""The whole way: painted rasters in, polygons in the right place on the map out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from geopandas import GeoDataFrame
from rasterio.enums import ColorInterp
from shapely import Polygon, affinity

from geomrcnn.errors import DataError, ModelError, OutputError, RasterError
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.predict import predict, predict_to_file
from geomrcnn.runtime import Detector
from tests.oracles.detector import OracleDetector
from tests.oracles.painting import LookingDetector, paint, write_painting
from tests.oracles.scenes import best_ious, f1, lone_buildings, rotated_parcels
from tests.rasters import write_raster

LATITUDE = math.radians(45.0)
WEB_SCALE = 1 / math.cos(LATITUDE)
DEGREE = 111_132.0

PLACES = {
    # name: CRS, and the transform of 0.5 m pixels on the ground, near 45 degrees north
    "UTM": ("EPSG:32632", Affine(0.5, 0, 500_000, 0, -0.5, 4_983_000)),
    "web mercator": ("EPSG:3857", Affine(0.5 * WEB_SCALE, 0, 1e6, 0, -0.5 * WEB_SCALE, 5_621_521)),
    "degrees": ("EPSG:4326", Affine(0.5 / DEGREE * WEB_SCALE, 0, 9, 0, -0.5 / DEGREE, 45)),
    "rotated": (
        "EPSG:32632", Affine.translation(500_000, 4_983_000) @ Affine.rotation(27)
        @ Affine.scale(0.5, -0.5),
    ),
    "south up": ("EPSG:32632", Affine(0.5, 0, 500_000, 0, 0.5, 4_983_000)),
}  # fmt: skip

SIDE = 500


def spread() -> list[Polygon]:
    """Rotated rectangles of 40 to 100 pixels, apart from one another, within SIDE pixels."""
    rng = np.random.default_rng(5)
    shapes = []
    for x in range(70, SIDE - 60, 115):
        for y in range(70, SIDE - 60, 115):
            width, height = rng.uniform(40, 70, 2)
            shape = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            shapes.append(affinity.rotate(shape, rng.uniform(0, 90)))
    return shapes


def run(
    raster: Path,
    detector: Detector,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> tuple[GeoDataFrame, Report]:
    """The features of a raster, and what became of its tiles."""
    frames: list[GeoDataFrame] = []
    report = predict_to_file(
        raster, raster.with_suffix(".fgb"), detector, Options(**options),
        on_progress=on_progress, on_features=frames.append,
    )  # fmt: skip
    return pd.concat(frames, ignore_index=True), report


def on_map(shapes: list[Polygon], transform: Affine) -> list[Polygon]:
    a, b, c, d, e, f = tuple(transform)[:6]
    return [affinity.affine_transform(shape, [a, b, d, e, c, f]) for shape in shapes]


@pytest.mark.parametrize("gsd", [0.5, 1.0, 0.37], ids=["as it is", "averaged", "interpolated"])
@pytest.mark.parametrize("place", PLACES)
def test_polygons_lie_where_the_objects_are(place: str, gsd: float, tmp_path: Path) -> None:
    crs, transform = PLACES[place]
    raster = write_painting(tmp_path / "a.tif", spread(), SIDE, SIDE, crs=crs, transform=transform)
    frame = predict(raster, model=LookingDetector(gsd=gsd))
    truth = on_map(spread(), transform)
    assert len(frame) == len(truth)
    assert frame.crs == crs
    assert min(best_ious(truth, list(frame.geometry))) > 0.95
    assert all(shape.exterior.is_ccw for shape in frame.geometry)
    assert frame.geometry.is_valid.all()
    metres = GeoDataFrame(geometry=truth, crs=crs).to_crs("+proj=laea +lat_0=45 +lon_0=9")
    assert frame["area_m2"].sum() == pytest.approx(metres.area.sum(), rel=0.01)


@pytest.fixture
def black(tmp_path: Path) -> Path:
    """A raster of 500 by 500 pixels of 1 m on the ground, with nothing to see."""
    crs, _ = PLACES["UTM"]
    transform = Affine(1, 0, 500_000, 0, -1, 4_983_000)
    return write_painting(tmp_path / "black.tif", [], SIDE, SIDE, crs=crs, transform=transform)


def pixels_of(frame: GeoDataFrame) -> list[Polygon]:
    """Back from the map of `black` to its pixels."""
    return [affinity.affine_transform(shape, [1, 0, 0, -1, -500_000, 4_983_000])
            for shape in frame.geometry]  # fmt: skip


def test_touching_fields_larger_than_a_tile_come_out_once(black: Path) -> None:
    truth = rotated_parcels(SIDE, 200)
    frame = predict(black, model=OracleDetector(truth, jitter=1.0))
    assert f1(truth, pixels_of(frame)) == 1.0


def test_columns_order_and_types(black: Path) -> None:
    frame = predict(black, model=OracleDetector(lone_buildings(SIDE)))
    assert list(frame.columns) == [
        "class", "score", "area_m2", "fragments", "status", "tile", "geometry"
    ]  # fmt: skip
    assert set(frame["class"]) == {"field"}
    assert (frame["score"] == frame["score"].round(4)).all()
    assert (frame["area_m2"] == frame["area_m2"].round(1)).all()
    tiles = [tuple(map(int, tile.split("-"))) for tile in frame["tile"]]
    assert len(set(tiles)) == 9
    assert set(frame["fragments"]) == {1}
    assert set(frame["status"]) == {"traced"}
    # In the order in which rows of tiles complete them: the rows begin at -64, 128 and 320.
    completed = np.searchsorted([128, 320], [shape.bounds[3] for shape in pixels_of(frame)])
    order = [*zip(completed.tolist(), tiles, strict=True)]
    assert order == sorted(order)


def test_rows_of_tiles_without_objects_change_no_type(black: Path) -> None:
    model = OracleDetector([shapely.box(5, 5, 60, 40)])
    usual = predict(black, model=OracleDetector(lone_buildings(SIDE)))
    assert predict(black, model=model).dtypes.equals(usual.dtypes)
    assert predict(black, model=OracleDetector([])).dtypes.equals(usual.dtypes)


def test_the_same_again_gives_the_same_again(black: Path) -> None:
    one, other = (
        predict(black, model=OracleDetector(rotated_parcels(SIDE, 200), jitter=1.0))
        for _ in range(2)
    )
    assert one.to_json() == other.to_json()


def test_scores_areas_and_simplification(black: Path) -> None:
    truth = lone_buildings(SIDE)
    detector = OracleDetector(truth, jitter=1.0)
    everything = predict(black, model=detector)
    assert everything["score"].min() < 0.9
    assert predict(black, model=detector, min_score=0.9)["score"].min() >= 0.9
    assert predict(black, model=detector, min_area=400)["area_m2"].min() >= 400
    vertices = [shapely.get_num_coordinates(predict(black, model=detector, simplify=metres)
                                            .geometry.values).sum()
                for metres in (0.0, 0.25, 2.0)]  # fmt: skip
    assert vertices[0] > 2 * vertices[1] > 2.5 * vertices[2]


def test_every_tile_is_accounted_for(black: Path) -> None:
    told: list[Progress] = []
    detector = OracleDetector(lone_buildings(SIDE))
    frame, report = run(black, detector, told.append)
    assert report.tiles == report.processed == 9
    assert not report.skipped
    assert report.objects == len(frame)
    assert [now.done for now in told] == list(range(10))
    assert {now.total for now in told} == {9}
    assert told[0].objects == 0
    assert told[-1].objects == report.detections >= len(frame)
    assert report.device == "oracle"
    assert report.seconds > 0


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("side", "tiles"), [(100, 1), (256, 1), (257, 4)])
def test_small_and_odd_rasters(side: int, tiles: int, tmp_path: Path) -> None:
    truth = [shapely.box(20, 20, 80, 80)]
    raster = write_painting(
        tmp_path / "a.tif", truth, side, side, crs=None, transform=Affine(1, 0, 0, 0, 1, 0)
    )
    frame, report = run(raster, LookingDetector())
    assert report.tiles == report.processed == tiles
    assert len(frame) == 1


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_without_crs_gives_pixels(tmp_path: Path) -> None:
    raster = write_painting(
        tmp_path / "a.tif", spread(), SIDE, SIDE, crs=None, transform=Affine.identity()
    )
    frame = predict(raster, model=LookingDetector(gsd=0.25))
    assert frame.crs is None
    assert min(best_ious(spread(), list(frame.geometry))) > 0.95
    expected = sum(shape.area for shape in spread())
    assert frame["area_m2"].sum() == pytest.approx(expected / 16, rel=0.01)
    doubled = predict(raster, model=LookingDetector(gsd=0.25), gsd=0.5)
    assert doubled["area_m2"].sum() == pytest.approx(expected / 4, rel=0.01)


def test_nothing_is_drawn_on_nodata(tmp_path: Path) -> None:
    transform = Affine(1, 0, 500_000, 0, -1, 4_983_000)
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    mask[:, 240:] = 0
    raster = write_raster(
        tmp_path / "a.tif", np.ones((3, SIDE, SIDE), np.uint8), transform=transform, mask=mask
    )
    whole = shapely.box(160, 100, 260, 200)  # 80 of 100 columns on data
    little = shapely.box(225, 300, 325, 400)  # 15 of 100
    detector = OracleDetector([whole, little])
    frame, report = run(raster, detector)
    assert report.tiles == 9
    assert report.processed == 6
    assert report.skipped == {"nodata": 3}  # the tiles of the last column begin at 244
    assert len(detector.seen) == 6
    (shape,) = pixels_of(frame)
    assert shape.bounds == pytest.approx((160, 100, 240, 200), abs=0.3)


def area_file(tmp_path: Path, polygon: Polygon, crs: str | None = "EPSG:4326") -> Path:
    """A polygon, in pixels of `black`, as GeoJSON."""
    (moved,) = on_map([polygon], Affine(1, 0, 500_000, 0, -1, 4_983_000))
    frame = GeoDataFrame(geometry=[moved], crs="EPSG:32632")
    path = tmp_path / "aoi.gpkg"
    frame = frame.set_crs(None, allow_override=True) if crs is None else frame.to_crs(crs)
    frame.to_file(path)
    return path


def test_only_the_area_of_interest_is_looked_at(black: Path, tmp_path: Path) -> None:
    truth = lone_buildings(SIDE)
    area = shapely.box(10, 10, 110, 230)
    detector = OracleDetector(truth)
    frame, report = run(black, detector, aoi=area_file(tmp_path, area))
    inside = [shape for shape in truth if area.contains(shape.centroid)]
    assert report.tiles == report.processed == len(detector.seen) == 2
    assert len(frame) == len(inside)
    assert min(best_ious(inside, pixels_of(frame))) > 0.9


def test_an_area_elsewhere_is_an_error(black: Path, tmp_path: Path) -> None:
    aoi = area_file(tmp_path, shapely.box(5000, 0, 6000, 1000))
    with pytest.raises(DataError, match=r"aoi.gpkg: the area of interest does not overlap .*tif"):
        predict(black, model=OracleDetector([]), aoi=aoi)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_an_area_without_crs_is_an_error(black: Path, tmp_path: Path) -> None:
    aoi = area_file(tmp_path, shapely.box(0, 0, 10, 10), crs=None)
    with pytest.raises(DataError, match=r"aoi.gpkg: has no CRS"):
        predict(black, model=OracleDetector([]), aoi=aoi)


def test_an_area_without_polygons_is_an_error(black: Path, tmp_path: Path) -> None:
    points = GeoDataFrame(geometry=[shapely.Point(9, 45)], crs=4326)
    points.to_file(tmp_path / "points.gpkg")
    with pytest.raises(DataError, match="holds no polygon"):
        predict(black, model=OracleDetector([]), aoi=tmp_path / "points.gpkg")


def test_the_file_holds_what_is_returned(black: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    frame = predict(black, model=OracleDetector(lone_buildings(SIDE)), out=out)
    again = geopandas.read_file(out)
    assert len(again) == len(frame) > 60
    parts = again.geometry.explode(ignore_index=True)  # a layer has one type: multipolygons
    assert parts.geom_equals_exact(frame.geometry, 1e-6).all()
    assert again.drop(columns="geometry").equals(frame.drop(columns="geometry"))
    with pytest.raises(OutputError, match="exists"):
        predict(black, model=OracleDetector([]), out=out)
    assert len(predict(black, model=OracleDetector([]), out=out, overwrite=True)) == 0
    assert len(geopandas.read_file(out)) == 0


def test_the_output_is_checked_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        predict("no.tif", model=OracleDetector([]), out=tmp_path / "no" / "out.gpkg")


def test_a_failure_on_the_way_leaves_no_file(black: Path, tmp_path: Path) -> None:
    class Failing(OracleDetector):
        def detect(self, tiles):  # type: ignore[no-untyped-def]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(black, model=Failing([]), out=tmp_path / "out.gpkg")
    assert [path.name for path in tmp_path.iterdir()] == ["black.tif"]


def test_contradicting_tiles_are_refused(black: Path) -> None:
    with pytest.raises(ModelError, match=r"tiles of 64 pixels cannot overlap by 64"):
        predict(black, model=OracleDetector([]), tile=64, overlap=64)


def bands(tmp_path: Path, count: int, dtype: str = "uint8", **profile: object) -> Path:
    values = np.zeros((count, 64, 64), dtype)
    return write_raster(tmp_path / "x.tif", values, **profile)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "dtype", "asked", "message"),
    [
        (1, "uint16", None, r"x.tif: 1 band of uint16, but the model 'oracle' wants 3 bands of "
         r"uint8 \(red, green, blue\); choose bands with --bands$"),
        (3, "uint16", None, r"x.tif: 3 bands of uint16 .* wants 3 bands of uint8 .*with --scale$"),
        (4, "uint8", (1, 2), r"--bands names 2, but the model 'oracle' wants 3 bands of uint8"),
        (4, "uint8", (1, 2, 5), r"x.tif: has no band 5"),
    ],
)  # fmt: skip
def test_a_raster_that_does_not_fit_is_refused(
    count: int, dtype: str, asked: tuple[int, ...] | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(RasterError, match=message):
        predict(bands(tmp_path, count, dtype), model=OracleDetector([]), bands=asked)


class Colours(OracleDetector):
    """Remembers the colour of the first valid pixel it is shown."""

    def detect(self, tiles):  # type: ignore[no-untyped-def]
        self.colour = tiles[0].pixels[tiles[0].valid][0].tolist()
        return super().detect(tiles)


def seen_colours(tmp_path: Path, names: tuple[str, ...] = (), colours: tuple[ColorInterp, ...] = (),
                 asked: tuple[int, ...] | None = None) -> list[int]:  # fmt: skip
    count = len(names) or max(len(colours), 4)
    values = (
        np.ones((count, 64, 64), np.uint8) * np.arange(1, count + 1, dtype=np.uint8)[:, None, None]
    )
    raster = write_raster(tmp_path / "x.tif", values, colours=colours)
    if names:
        with rasterio.open(raster, "r+") as file:
            file.descriptions = names
    detector = Colours([])
    predict(raster, model=detector, bands=asked)
    return detector.colour


def test_bands_are_found_by_their_names(tmp_path: Path) -> None:
    assert seen_colours(tmp_path, names=("Blue", "Green", "Red", "NIR")) == [3, 2, 1]


def test_bands_are_found_by_their_colours(tmp_path: Path) -> None:
    order = (ColorInterp.undefined, ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    assert seen_colours(tmp_path, colours=order) == [2, 3, 4]


def test_bands_without_names_are_taken_from_the_first(tmp_path: Path) -> None:
    assert seen_colours(tmp_path) == [1, 2, 3]


def test_the_user_has_the_last_word_on_bands(tmp_path: Path) -> None:
    assert seen_colours(tmp_path, names=("red", "green", "blue", "nir"), asked=(4, 1, 2)) == [
        4,
        1,
        2,
    ]


def test_other_names_are_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"4 bands of uint8 \(nir, red edge, swir, red\), but"):
        seen_colours(tmp_path, names=("nir", "red edge", "swir", "red"))
    with pytest.raises(RasterError, match=r"3 bands of uint8 \(nir, red, green\), but"):
        seen_colours(tmp_path, names=("nir", "red", "green"))


def test_painting_is_exact() -> None:
    """The test's own brush: half a pixel is half as bright."""
    assert paint([shapely.box(1.5, 1, 3, 2)], 4, 3)[1].tolist() == [0, 128, 255, 0]
