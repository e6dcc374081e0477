"""Polygons to small masks: each object on a grid of cells laid over its own box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal

Box = tuple[float, float, float, float]


def box_mask(geometry: Polygonal, box: Box, size: int = 112) -> npt.NDArray[np.uint8]:
    """Which cells of a box lie in a geometry.

    Args:
        geometry: Polygon or MultiPolygon in continuous pixel coordinates.
        box: (x1, y1, x2, y2) of positive area, in the same coordinates; it is divided evenly.
        size: Cells along each side.

    Returns:
        [size, size] uint8; 1 where a cell's centre lies inside.
    """
    mask: npt.NDArray[np.uint8] = _fill([geometry], np.array([box], np.float64), (size, size))[0]
    return mask


def pixel_mask(geometry: Polygonal, window: Window) -> npt.NDArray[np.uint8]:
    """Which pixels of a window have their centre in a geometry.

    Returns:
        [window.height, window.width] uint8, 1 inside.
    """
    column, row, width, height = window
    box = np.array([[column, row, column + width, row + height]], np.float64)
    mask: npt.NDArray[np.uint8] = _fill([geometry], box, (height, width))[0]
    return mask


def box_masks(geometries: Sequence[Polygonal], size: int = 112) -> npt.NDArray[np.uint8]:
    """The mask of each geometry over its own bounding box.

    Masks cropped to their boxes at 112 × 112 are TF Model Garden's form of ground truth
    (`mask_crop_size`): a thin or small object keeps all of its shape.

    Args:
        geometries: N of positive area, in continuous pixel coordinates.
        size: Cells along each side.

    Returns:
        [N, size, size] uint8, 1 inside.
    """
    return _fill(geometries, shapely.bounds(geometries).reshape(-1, 4), (size, size))


def _fill(
    geometries: Sequence[Polygonal], boxes: npt.NDArray[np.float64], shape: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Scan conversion of all geometries at once, by the even-odd rule at cell centres.

    Each is drawn on its own grid of `shape` (rows, columns) over its own box.

    Every edge toggles the cells to the right of where it crosses the centre line of a row; a cell
    toggled an odd number of times is inside. Holes and parts need no care of their own.
    (`rasterio.features` draws the same, but opens a GDAL dataset for each call, which in several
    threads lets its warnings through.)
    """
    rows, columns = shape
    starts, ends, owner = _edges(geometries, boxes, shape)
    low, high = np.minimum(starts[:, 1], ends[:, 1]), np.maximum(starts[:, 1], ends[:, 1])
    # Rows whose centre, row + 0.5, lies in [low, high): a shared vertex counts once.
    first = np.clip(np.ceil(low - 0.5), 0, rows).astype(np.int64)
    count = np.clip(np.ceil(high - 0.5), 0, rows).astype(np.int64) - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
    (x, y), (along_x, along_y) = starts[edge].T, (ends - starts)[edge].T
    crossing = x + (row + 0.5 - y) * along_x / along_y
    column = np.clip(np.ceil(crossing - 0.5), 0, columns).astype(np.int64)
    cell = (owner[edge] * rows + row) * (columns + 1) + column
    toggles = np.bincount(cell, minlength=len(boxes) * rows * (columns + 1)).astype(np.uint8)
    inside = np.bitwise_xor.accumulate(toggles.reshape(len(boxes), rows, columns + 1) & 1, axis=2)
    return np.ascontiguousarray(inside[..., :columns])


def _edges(
    geometries: Sequence[Polygonal], boxes: npt.NDArray[np.float64], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Starts [E, 2] and ends [E, 2] of all edges, in cells of their owner's grid; owners [E]."""
    polygons, geometry_of = shapely.get_parts(geometries, return_index=True)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    owner = geometry_of[polygon_of[ring_of]]
    corners, scales = boxes[:, :2], np.array(shape[::-1]) / (boxes[:, 2:] - boxes[:, :2])
    points = (points - corners[owner]) * scales[owner]
    joined = ring_of[1:] == ring_of[:-1]
    return points[:-1][joined], points[1:][joined], owner[1:][joined]
