"""Shares of valid area in parts of a tile, exact for any fraction of pixels."""

from __future__ import annotations

import numpy as np

from geomrcnn.vector.canvas import interpolate
from geomrcnn.vector.instance import Box


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
