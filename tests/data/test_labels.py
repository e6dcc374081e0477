"""Labels from layers: classes, repairs, and their place on a raster."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine

from geomrcnn.data.labels import read_area_of_interest, read_labels
from geomrcnn.errors import DataError
from geomrcnn.inference.area_of_interest import bounds_of
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.labelled import squares, write_layer, write_scene

FOUR = squares(2, 2, 20, 10)
NO_CHANGE, WGS84 = Affine.identity(), "EPSG:4326"


def test_classes_come_from_the_attribute(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "a.gpkg", FOUR, use=["shed", "house", "shed", "barn"])
    labels = read_labels(path, attribute="use")
    assert labels.classes == ("barn", "house", "shed")
    np.testing.assert_array_equal(labels.class_ids, [3, 2, 3, 1])
    ordered = read_labels(path, attribute="use", classes=("house", "shed", "barn", "silo"))
    np.testing.assert_array_equal(ordered.class_ids, [2, 1, 2, 3])


def test_without_an_attribute_there_is_one_class(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "a.gpkg", FOUR)
    assert read_labels(path).classes == ("object",)
    assert read_labels(path, classes=("roof",)).classes == ("roof",)
    own = write_layer(tmp_path / "b.gpkg", FOUR, **{"class": ["field"] * 4})
    assert read_labels(own).classes == ("field",)


def test_numbers_are_names(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "a.gpkg", FOUR, code=[1.0, 2.0, 2.5, 1.0])
    assert read_labels(path, attribute="code").classes == ("1", "2", "2.5")
    codes = [1110000.0, 1110001.0, 0.1234567, 0.1234568]
    path = write_layer(tmp_path / "b.gpkg", FOUR, code=codes)
    names = ("0.1234567", "0.1234568", "1110000", "1110001")
    assert read_labels(path, attribute="code").classes == names


def test_what_is_broken_is_mended_or_dropped_and_counted(tmp_path: Path) -> None:
    tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    flat = shapely.Polygon([(0, 0), (5, 5), (9, 9)])
    path = write_layer(tmp_path / "a.geojson", [tie, flat, shapely.Polygon(), FOUR[0]])
    labels = read_labels(path)
    assert len(labels.geometries) == 2
    assert shapely.is_valid(labels.geometries).all()
    assert (labels.report.features, labels.report.repaired, labels.report.dropped) == (4, 1, 2)


def test_a_scribble_is_refused_by_its_number(tmp_path: Path) -> None:
    scribble = shapely.Polygon(np.random.default_rng(1).random((1000, 2)))
    path = write_layer(tmp_path / "a.geojson", [FOUR[0], scribble])
    with pytest.raises(DataError, match=r"a\.geojson: feature 2 crosses itself too often"):
        read_labels(path)


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:3857", "EPSG:25833"])
def test_labels_in_any_crs_fall_on_the_same_pixels(tmp_path: Path, crs: str | None) -> None:
    """Across the whole raster, so that straight edges bend where they are not divided."""
    whole = [*FOUR, shapely.box(1, 1, 39, 3)]
    raster = write_scene(tmp_path / "a.tif", 40, whole)
    labels = read_labels(write_layer(tmp_path / "a.gpkg", whole, to=crs))
    with open_raster(raster) as source:
        placed = labels.on(source)
    for expected, number, got in zip(whole, placed.numbers, placed.geometries, strict=True):
        assert shapely.hausdorff_distance(whole[number], got) < 0.01
        assert expected is whole[number]
    np.testing.assert_array_equal(placed.touching(Window(20, 20, 4, 4)), [])
    np.testing.assert_array_equal(placed.touching(Window(20, 20, 10, 10)), [3])


def test_only_what_touches_the_raster_is_placed(tmp_path: Path) -> None:
    shapes = [*FOUR, shapely.box(500, 500, 510, 510), shapely.box(38, 38, 60, 60)]
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    with open_raster(raster) as source:
        placed = read_labels(write_layer(tmp_path / "a.gpkg", shapes, to="EPSG:4326")).on(source)
    np.testing.assert_array_equal(placed.numbers, [0, 1, 2, 3, 5])


def test_several_layers_in_several_crss_are_one(tmp_path: Path) -> None:
    first = write_layer(tmp_path / "a.gpkg", FOUR[:2], kind=["b", "a"])
    second = write_layer(tmp_path / "b.geojson", FOUR[2:], to="EPSG:4326", kind=["c", "a"])
    labels = read_labels([first, second], attribute="kind")
    assert labels.classes == ("a", "b", "c")
    np.testing.assert_array_equal(labels.class_ids, [2, 1, 3, 1])
    with open_raster(write_scene(tmp_path / "a.tif", 40, FOUR)) as source:
        placed = labels.on(source)
    assert shapely.hausdorff_distance(placed.geometries[3], FOUR[3]) < 0.01


def test_without_a_crs_labels_are_pixels_of_a_raster_without_one(tmp_path: Path) -> None:
    labels = read_labels(write_layer(tmp_path / "a.gpkg", FOUR, crs=None))
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    with open_raster(raster) as source, pytest.raises(DataError, match=r"a\.gpkg: has no CRS"):
        labels.on(source)
    georeferenced = read_labels(write_layer(tmp_path / "b.gpkg", FOUR))
    plain = write_scene(tmp_path / "plain.tif", 40, FOUR, crs=None)
    with open_raster(plain) as source, pytest.raises(DataError, match=r"plain\.tif: has no CRS"):
        georeferenced.on(source)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"use": ["a"] * 4}, {"attribute": "kind"}, r"no attribute 'kind', its attributes are use"),
        ({"use": ["a", None, "a", "a"]}, {"attribute": "use"}, r"feature 2: has no class"),
        (
            {"use": ["a", "a", "b", "a"]},
            {"attribute": "use", "classes": ("a", "c")},
            r"feature 3: class 'b' is none of a, c",
        ),
        ({}, {"classes": ("a", "c")}, r"name the attribute that tells a, c apart"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, columns: dict[str, list[object]], options: dict[str, object], message: str
) -> None:
    path = write_layer(tmp_path / "a.gpkg", FOUR, **columns)
    with pytest.raises(DataError, match=message) as caught:
        read_labels(path, **options)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_layer_without_polygons(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "a.gpkg", [shapely.Point(1, 1)])
    with pytest.raises(DataError, match="no polygon to learn from"):
        read_labels(path)
    with pytest.raises(DataError, match="no polygon to be the area"):
        read_area_of_interest(path)


def test_an_area_as_large_as_the_world_is_placed_soon(tmp_path: Path) -> None:
    """Its edges are divided as finely as the raster needs, but only near it."""
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    world = write_layer(tmp_path / "a.geojson", [shapely.box(-180, -90, 180, 90)], NO_CHANGE, WGS84)
    with open_raster(raster) as source:
        (area,) = read_area_of_interest(world).on(source).geometries
    assert area.contains(shapely.box(0, 0, 40, 40))
    assert len(shapely.get_coordinates(area)) < 10_000


@pytest.mark.parametrize("number", [1e300, 1e308, -1e308])
def test_numbers_beyond_the_world_are_refused(tmp_path: Path, number: float) -> None:
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    far = shapely.box(9.0, 45.0, 9.1, number)
    area = write_layer(tmp_path / "a.geojson", [far], NO_CHANGE, WGS84)
    with open_raster(raster) as source, contextlib.suppress(DataError):
        placed = read_area_of_interest(area).on(source).geometries
        assert shapely.is_valid(placed).all()


def test_rings_that_are_not_closed_are(tmp_path: Path) -> None:
    ring = [[9.0, 45.0], [9.001, 45.0], [9.001, 45.001], [9.0, 45.001]]
    shapes = [[ring], [ring[:2]], [[], ring]]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": shape}}
        for shape in shapes
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    labels = read_labels(path)
    assert shapely.equals(labels.geometries, shapely.Polygon(ring)).tolist() == [True]
    assert (labels.report.features, labels.report.dropped) == (3, 2)


def test_holes_without_a_point_are_dropped(tmp_path: Path) -> None:
    """GEOS finds them valid, and crashes on them."""
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    ring = [[9.0, 45.15], [9.01, 45.15], [9.01, 45.16], [9.0, 45.15]]
    polygon = {"type": "Polygon", "coordinates": [ring, []]}
    several = {"type": "MultiPolygon", "coordinates": [[ring, []]]}
    nested = {"type": "GeometryCollection", "geometries": [polygon, several]}
    features = [
        {"type": "Feature", "properties": {}, "geometry": geometry}
        for geometry in (polygon, several, nested)
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    labels = read_labels(path)
    assert shapely.equals(labels.geometries, shapely.Polygon(ring)).tolist() == [True] * 3
    with open_raster(raster) as source:
        labels.on(source)


def test_parts_without_a_point_are_dropped(tmp_path: Path) -> None:
    """GEOS finds them valid, and crashes when it divides their edges."""
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    ring = [[9.0, 45.15], [9.01, 45.15], [9.01, 45.16], [9.0, 45.15]]
    several = {"type": "MultiPolygon", "coordinates": [[ring], [[]], []]}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(several))
    labels = read_labels(path)
    assert shapely.get_num_geometries(labels.geometries).tolist() == [1]
    with open_raster(raster) as source:
        labels.on(source)


def test_labels_on_another_celestial_body_are_refused_in_one_line(tmp_path: Path) -> None:
    raster = write_scene(tmp_path / "a.tif", 40, FOUR)
    earth = write_layer(tmp_path / "e.gpkg", FOUR)
    moon = write_layer(tmp_path / "m.gpkg", FOUR, NO_CHANGE, "IAU_2015:30100")
    said = r"m\.gpkg: there is no way between the CRSs .*Moon"
    with open_raster(raster) as source, pytest.raises(DataError, match=said):
        read_labels(moon).on(source)
    with pytest.raises(DataError, match=said):
        read_labels([earth, moon])
    with pytest.raises(DataError, match=said):
        bounds_of(moon, 10.0)
