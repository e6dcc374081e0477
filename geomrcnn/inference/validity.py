"""Shares of valid area in parts of a tile, exact for any fraction of pixels."""

from __future__ import annotations

import math

import numpy as np

from geomrcnn.vector.canvas import interpolate
from geomrcnn.vector.instance import Box


def integral(valid: np.ndarray) -> np.ndarray:
    """[H + 1, W + 1] number of valid pixels above and left of every pixel corner."""
    height, width = valid.shape
    table = np.zeros((height + 1, width + 1), np.int32)
    inner = table[1:, 1:]
    np.cumsum(np.cumsum(valid, 1, out=inner), 0, out=inner)
    return table


def all_valid(table: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """[N] whether there are only valid pixels under [N, (x1, y1, x2, y2)] boxes."""
    height, width = table.shape
    left, top = np.floor(boxes[:, :2]).astype(int).T
    right, bottom = np.ceil(boxes[:, 2:]).astype(int).T
    x1, x2 = (np.clip(x, 0, width - 1) for x in (left, right))
    y1, y2 = (np.clip(y, 0, height - 1) for y in (top, bottom))
    count = table[y2, x2] - table[y1, x2] - table[y2, x1] + table[y1, x1]
    return np.asarray(count == (right - left) * (bottom - top))


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
    # Of the columns, only those that the box lies in: a table is much larger than most boxes.
    first = min(max(math.floor(box.x1), 0), table.shape[1] - 2)
    near = table[:, first : max(math.ceil(box.x2), first + 1) + 1]
    below = interpolate(near, np.linspace(box.y1, box.y2, rows + 1))
    corners = interpolate(below.T, np.linspace(box.x1 - first, box.x2 - first, columns + 1)).T
    cell = box.width * box.height / (rows * columns)
    return np.clip(np.diff(np.diff(corners, axis=0), axis=1) / cell, 0.0, 1.0)
