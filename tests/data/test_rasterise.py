from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely.geometry import MultiPolygon, Point, Polygon

from geomrcnn.data.rasterise import box_mask, box_masks, pixel_mask
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal

RING = Point(20, 30).buffer(9.3).difference(Point(21, 29).buffer(4.1))
PARTS = MultiPolygon([Point(5.2, 5.1).buffer(3), shapely.box(10.31, 2.13, 14.7, 9.9)])


def by_gdal(geometry: Polygonal, box: tuple[float, ...], size: int) -> np.ndarray:
    x1, y1, x2, y2 = box
    grid = Affine((x2 - x1) / size, 0, x1, 0, (y2 - y1) / size, y1)
    return rasterize([(geometry, 1)], out_shape=(size, size), transform=grid, dtype="uint8")


@pytest.mark.parametrize("geometry", [RING, PARTS], ids=["hole", "parts"])
@pytest.mark.parametrize("size", [7, 28, 112])
def test_agrees_with_gdal(geometry: Polygonal, size: int) -> None:
    np.testing.assert_array_equal(
        box_mask(geometry, geometry.bounds, size), by_gdal(geometry, geometry.bounds, size)
    )


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=3, max_size=12),
    st.floats(-20, 40), st.floats(-20, 40), st.floats(1, 60), st.floats(1, 60),
)  # fmt: skip
def test_a_cell_is_inside_when_its_centre_is(
    points: list[tuple[float, float]], x: float, y: float, width: float, height: float
) -> None:
    shape = shapely.convex_hull(shapely.MultiPoint(points))
    if shape.area < 0.1:
        return
    shape = shape.difference(shapely.affinity.scale(shape, 0.4, 0.4))
    mask = box_mask(shape, (x, y, x + width, y + height), 16)
    v, u = (np.mgrid[:16, :16] + 0.5) / 16
    centres = shapely.points(x + u * width, y + v * height)
    clear = shapely.distance(shape.boundary, centres) > 1e-6
    np.testing.assert_array_equal(mask[clear], shapely.contains(shape, centres)[clear])


def test_masks_of_many_are_those_of_each() -> None:
    shapes = [RING, PARTS, Polygon([(0, 0), (40, 0.5), (0.2, 0.7)])]
    expected = [box_mask(shape, shape.bounds, 56) for shape in shapes]
    np.testing.assert_array_equal(box_masks(shapes, 56), expected)


def test_no_geometries_no_masks() -> None:
    assert box_masks([], 28).shape == (0, 28, 28)


def test_masks_fill_their_own_boxes() -> None:
    masks = box_masks([RING, PARTS, shapely.box(3, 3, 3.01, 400)])
    assert masks.any(axis=1)[:, [0, -1]].all()
    assert masks.any(axis=2)[:, [0, -1]].all()
    assert masks[2].all()


def test_pixels_of_a_window() -> None:
    mask = pixel_mask(shapely.box(3, 4, 7, 6), Window(2, 3, 8, 5))
    expected = np.zeros((5, 8), np.uint8)
    expected[1:3, 1:5] = 1
    np.testing.assert_array_equal(mask, expected)
