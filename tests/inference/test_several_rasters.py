"""Rasters that overlap: every object once, in one CRS, whichever raster saw it."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.warp import Resampling, calculate_default_transform, reproject
from shapely import Polygon, affinity

from geomrcnn.errors import DataError, OutputError, RasterError
from geomrcnn.formats.writer import read_provenance
from geomrcnn.inference.options import Options
from geomrcnn.inference.predict import predict, predict_each, predict_to_file
from geomrcnn.inference.sheets import Sheet, SheetJoiner
from tests.oracles.painting import LookingDetector, write_painting
from tests.oracles.scenes import best_ious

SIDE = 500
WEST, NORTH = 500_000, 4_983_000


def on_map(shapes: list[Polygon]) -> list[Polygon]:
    return [affinity.affine_transform(s, [1, 0, 0, -1, WEST, NORTH]) for s in shapes]


def spread() -> list[Polygon]:
    """Rectangles, some of them across the edges of the sheets below."""
    return [
        affinity.rotate(shapely.box(x, y, x + 50, y + 34), 20 + x)
        for x in range(20, 900, 110)
        for y in range(30, 460, 110)
    ]


def sheets(folder: Path, lefts: tuple[int, ...], crs: str = "EPSG:32632") -> list[Path]:
    """Rasters of SIDE pixels beside one another, with what of the objects lies in them."""
    paths = []
    for left in lefts:
        here = [affinity.translate(shape, -left, 0) for shape in spread()]
        transform = Affine(1, 0, WEST + left, 0, -1, NORTH)
        path = folder / f"sheet{left}.tif"
        paths.append(write_painting(path, here, SIDE, SIDE, crs=crs, transform=transform))
    return paths


def test_what_two_rasters_show_is_one_feature(tmp_path: Path) -> None:
    paths = sheets(tmp_path, (0, 420))
    apart = sum(len(predict(path, model=LookingDetector(gsd=1.0))) for path in paths)
    frame = predict(paths, model=LookingDetector(gsd=1.0))
    truth = on_map(spread())
    assert apart > len(truth)
    assert len(frame) == len(truth)
    assert min(best_ious(truth, list(frame.geometry))) > 0.9
    assert set(frame["raster"]) == {"sheet0.tif", "sheet420.tif"}
    assert frame.columns.tolist().count("raster") == 1
    assert not [name for name in frame if name.startswith("_")]


def test_what_lies_across_both_edges_is_put_together(tmp_path: Path) -> None:
    """The overlap of 40 pixels is narrower than the objects in it."""
    frame = predict(sheets(tmp_path, (0, 460)), model=LookingDetector(gsd=1.0))
    truth = on_map(spread())
    assert len(frame) == len(truth)
    assert min(best_ious(truth, list(frame.geometry))) > 0.85
    assert frame["fragments"].max() >= 2
    assert (frame["area_m2"] - frame.geometry.area).abs().max() < 0.01 * frame["area_m2"].max()


def test_the_order_of_rasters_changes_no_object(tmp_path: Path) -> None:
    paths = sheets(tmp_path, (0, 420))
    one, other = (predict(p, model=LookingDetector(gsd=1.0)) for p in (paths, paths[::-1]))
    assert min(best_ious(list(one.geometry), list(other.geometry))) > 0.95
    assert len(one) == len(other)


def test_an_invented_speck_does_not_cost_the_object_around_it() -> None:
    """Two rasters saw both halves of a long object, a third invented a speck upon it."""
    extents = {"west": (0, 100), "east": (80, 180), "middle": (40, 140)}
    sheets = [
        Sheet(name, shapely.box(left, 0, right, 100), 1.0)
        for name, (left, right) in extents.items()
    ]
    joiner = SheetJoiner(sheets, "EPSG:32632", 0.5)
    found = [
        (0, shapely.box(20, 10, 100, 30), 0.6),
        (1, shapely.box(80, 10, 160, 30), 0.7),
        (2, shapely.box(85, 15, 95, 25), 0.9),
    ]
    passed = []
    for number, shape, score in found:
        values = {"class": ["field"], "score": [score], "area_m2": [shape.area]}
        columns = {**values, "fragments": [1], "geometry": [shape]}
        features = geopandas.GeoDataFrame(columns, crs="EPSG:32632")
        passed += [joiner.add(number, features), joiner.finish(number)]
    kept = [shape for frame in passed if frame is not None for shape in frame.geometry]
    assert [shape.bounds for shape in kept] == [(20, 10, 160, 30)]


def test_rasters_of_other_crs_come_into_that_of_the_first(tmp_path: Path) -> None:
    paths = [*sheets(tmp_path, (0,)), tmp_path / "east.tif"]
    (source,) = sheets(tmp_path, (420,))
    with rasterio.open(source) as file:
        transform, width, height = calculate_default_transform(
            file.crs, "EPSG:25833", file.width, file.height, *file.bounds, resolution=1.0
        )
        profile = {**file.profile, "crs": "EPSG:25833", "transform": transform,
                   "width": width, "height": height, "nodata": None}  # fmt: skip
        with rasterio.open(paths[1], "w", **profile) as out:
            for band in file.indexes:
                reproject(rasterio.band(file, band), rasterio.band(out, band),
                          resampling=Resampling.bilinear)  # fmt: skip
    frame = predict(paths, model=LookingDetector(gsd=1.0))
    truth = on_map(spread())
    assert frame.crs == "EPSG:32632"
    assert len(frame) == len(truth)
    assert min(best_ious(truth, list(frame.geometry))) > 0.8


def test_one_output_or_one_each(tmp_path: Path) -> None:
    paths = sheets(tmp_path, (0, 420))
    model, options = LookingDetector(gsd=1.0), Options()
    report = predict_to_file(tmp_path, tmp_path / "all.gpkg", model, options)
    frame = geopandas.read_file(tmp_path / "all.gpkg")
    assert len(frame) == report.objects == len(spread())
    assert report.tiles == report.processed
    made = read_provenance(tmp_path / "all.gpkg")
    assert made is not None
    assert [raster.name for raster in made.rasters] == [path.name for path in paths]
    (tmp_path / "each").mkdir()
    reports = predict_each(paths, f"{tmp_path}/each/{{name}}.gpkg", model, options)
    for (out, each), path in zip(reports.items(), paths, strict=True):
        frame = geopandas.read_file(out)
        assert Path(out).stem == path.stem
        assert len(frame) == each.objects
        assert "raster" not in frame
    (tmp_path / "other").mkdir()
    twins = [paths[0], *sheets(tmp_path / "other", (0,))]
    with pytest.raises(OutputError, match="several rasters have that name"):
        predict_each(twins, f"{tmp_path}/each/{{name}}.fgb", model, options)


def test_outputs_that_are_there_are_passed_over(tmp_path: Path) -> None:
    paths, model = sheets(tmp_path, (0, 420)), LookingDetector(gsd=1.0)
    pattern = f"{tmp_path}/{{name}}.fgb"
    predict_to_file(paths[0], tmp_path / "sheet0.fgb", model, Options())
    state = (tmp_path / "sheet0.fgb").stat()
    reports = predict_each(paths, pattern, model, Options())
    assert list(reports) == [f"{tmp_path}/sheet420.fgb"]
    assert (tmp_path / "sheet0.fgb").stat() == state
    with pytest.raises(OutputError, match="all 2 exist already; say --overwrite"):
        predict_each(paths, pattern, model, Options())
    assert len(predict_each(paths, pattern, model, Options(), overwrite=True)) == 2


def test_a_run_over_several_goes_on(tmp_path: Path) -> None:
    paths, out = sheets(tmp_path, (0, 420)), tmp_path / "out.gpkg"
    expected = predict(paths, model=LookingDetector(gsd=1.0))

    def stop(now: object) -> None:
        if now.done == 6:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_to_file(paths, out, LookingDetector(gsd=1.0), Options(), on_progress=stop)
    report = predict_to_file(paths, out, LookingDetector(gsd=1.0), Options())
    assert report.resumed >= 5
    frame = geopandas.read_file(out).explode()
    assert [g.wkb for g in frame.geometry] == [g.wkb for g in expected.geometry]
    assert frame["raster"].tolist() == expected["raster"].tolist()


def test_rasters_beside_the_area_of_interest_are_left_out(tmp_path: Path) -> None:
    paths = sheets(tmp_path, (0, 420))
    area = shapely.box(WEST, NORTH - SIDE, WEST + 300, NORTH)
    geopandas.GeoDataFrame(geometry=[area], crs="EPSG:32632").to_file(tmp_path / "area.gpkg")
    frame = predict(paths, model=LookingDetector(gsd=1.0), aoi=tmp_path / "area.gpkg")
    assert 0 < len(frame) < len(spread()) / 2
    far = affinity.translate(area, 9000, 0)
    geopandas.GeoDataFrame(geometry=[far], crs="EPSG:32632").to_file(tmp_path / "far.gpkg")
    with pytest.raises(DataError, match="does not overlap"):
        predict(paths, model=LookingDetector(gsd=1.0), aoi=tmp_path / "far.gpkg")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_rasters_without_a_place_do_not_go_together(tmp_path: Path) -> None:
    paths = sheets(tmp_path, (0,))
    lost = tmp_path / "lost.tif"
    write_painting(lost, spread()[:2], SIDE, SIDE, crs=None, transform=Affine.identity())
    with pytest.raises(RasterError, match=r"lost\.tif: without a CRS it cannot share an output"):
        predict([*paths, lost], model=LookingDetector(gsd=1.0))
