from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon

from geomrcnn.vector.polygons import is_tangled, polygonal, polygons_of

SQUARE = shapely.box(0, 0, 2, 2)


def test_valid_areas_are_left_alone() -> None:
    two = MultiPolygon([SQUARE, shapely.box(5, 5, 6, 6)])
    assert polygonal(SQUARE) is SQUARE
    assert polygonal(two) is two


def test_bow_tie_keeps_both_lobes() -> None:
    tie = polygonal(Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]))
    assert tie.is_valid
    assert tie.area == pytest.approx(2)


def test_star_keeps_its_heart() -> None:
    angles = np.arange(5) * 4 * np.pi / 5
    star = polygonal(Polygon(np.column_stack([np.cos(angles), np.sin(angles)])))
    assert star.contains(Point(0, 0))


@pytest.mark.parametrize(
    "geometry",
    [
        Polygon(),
        MultiPolygon(),
        Polygon([(0, 0), (1, 1), (2, 2)]),
        LineString([(0, 0), (1, 1)]),
        Point(0, 0),
        GeometryCollection([Point(0, 0), LineString([(0, 0), (1, 1)])]),
    ],
)
def test_nothing_without_an_area(geometry: shapely.Geometry) -> None:
    assert polygonal(geometry).is_empty


def test_collections_lose_lines_and_points() -> None:
    mixed = GeometryCollection([SQUARE, LineString([(5, 5), (9, 9)]), shapely.box(3, 0, 4, 1)])
    area = polygonal(mixed)
    assert isinstance(area, MultiPolygon)
    assert area.area == pytest.approx(5)


def test_collections_in_collections_keep_their_areas() -> None:
    nested: shapely.Geometry = GeometryCollection([SQUARE, LineString([(5, 5), (9, 9)])])
    for depth in range(2000):
        apart = [shapely.box(10, 10, 12, 12)] if depth == 1000 else []
        nested = GeometryCollection([nested, *apart])
    assert len(polygons_of(nested)) == 2
    assert polygonal(nested).area == pytest.approx(8)


def test_a_scribble_is_tangled_and_a_torn_coast_is_not() -> None:
    rng = np.random.default_rng(1)
    assert is_tangled(Polygon(rng.random((1000, 2))))
    assert is_tangled(MultiPolygon([SQUARE, Polygon(rng.random((1000, 2)))]))
    angles = np.sort(rng.random(50_000)) * 2 * np.pi
    radius = 1 + 1e-4 * rng.random(50_000)
    coast = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    torn = Polygon(coast + 2e-4 * rng.standard_normal(coast.shape))
    assert not torn.is_valid
    assert not is_tangled(torn)
    assert not is_tangled(MultiPolygon([SQUARE, SQUARE]))
