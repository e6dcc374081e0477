from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon

from geomrcnn.vector.polygons import polygonal

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
