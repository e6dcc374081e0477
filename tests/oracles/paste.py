"""Pasting a soft mask, one pixel at a time."""

from __future__ import annotations

import math

import numpy as np


def paste(mask: np.ndarray, box: np.ndarray, height: int, width: int) -> np.ndarray:
    """[height, width] probabilities: bilinear between cell centres, zero beyond the mask."""
    x1, y1, x2, y2 = (float(side) for side in box)
    size = len(mask)
    image = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            v = (row + 0.5 - y1) / (y2 - y1) * size - 0.5
            u = (column + 0.5 - x1) / (x2 - x1) * size - 0.5
            for i in (math.floor(v), math.floor(v) + 1):
                for j in (math.floor(u), math.floor(u) + 1):
                    if 0 <= i < size and 0 <= j < size:
                        share = (1 - abs(v - i)) * (1 - abs(u - j))
                        image[row, column] += share * mask[i, j]
    return image
