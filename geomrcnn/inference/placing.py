"""From detections of a tile to instances on the raster, with nodata cut out of their masks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from geomrcnn.vector.canvas import interpolate
from geomrcnn.vector.instance import Box, Instance

LEAST_VALID = 0.5
"""Share of a mask that must lie on data for the object to count."""


def place(detections: Detections, tile: Tile, min_score: float) -> Iterator[Instance]:
    """Put the detections of a tile on the raster.

    Args:
        detections: In pixels of the tile.
        tile: Where they were found.
        min_score: What scores less is left out.

    Yields:
        Instances whose masks are zero on nodata; those mostly on nodata are left out.
    """
    left, top, width, height = tile.window
    window = Box(left, top, left + width, top + height)
    table = None if tile.valid.all() else integral(tile.valid)
    for index in np.flatnonzero(detections.scores >= min_score):
        box = Box(*(float(side) for side in detections.boxes[index]))
        if box.width <= 0 or box.height <= 0:
            continue
        mask = detections.masks[index]
        if table is not None:
            on_data = mask * coverage(table, box, mask.shape)
            if on_data.sum() < LEAST_VALID * mask.sum():
                continue
            mask = on_data
        yield Instance(
            box=Box(box.x1 + left, box.y1 + top, box.x2 + left, box.y2 + top),
            score=float(detections.scores[index]),
            class_id=int(detections.classes[index]),
            mask=mask,
            tile=(tile.row, tile.column),
            window=window,
            index=int(index),
        )


def integral(valid: np.ndarray) -> np.ndarray:
    """[H + 1, W + 1] number of valid pixels above and left of every pixel corner."""
    return np.pad(valid.cumsum(0).cumsum(1), ((1, 0), (1, 0))).astype(np.float64)


def coverage(table: np.ndarray, box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """Share of valid area in each cell of a box, exact for any fraction of pixels.

    Args:
        table: As `integral` makes it.
        box: In pixels of the tile, not empty; nothing beyond the tile is valid.
        shape: (rows, columns) the box is divided into.

    Returns:
        [rows, columns] in [0, 1].
    """
    rows, columns = shape
    below = interpolate(table, np.linspace(box.y1, box.y2, rows + 1))
    corners = interpolate(below.T, np.linspace(box.x1, box.x2, columns + 1)).T
    cell = box.width * box.height / (rows * columns)
    return np.clip(np.diff(np.diff(corners, axis=0), axis=1) / cell, 0.0, 1.0)
