"""RoIAlign one sample at a time."""

from __future__ import annotations

import math

import numpy as np


def bilinear(feature: np.ndarray, y: float, x: float) -> np.ndarray:
    """Value of [H, W, C] at a point given in cell indices; zero beyond one cell outside."""
    height, width, channels = feature.shape
    if y < -1 or y > height or x < -1 or x > width:
        return np.zeros(channels)
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = feature[top, left] * (1 - across) + feature[top, right] * across
    lower = feature[bottom, left] * (1 - across) + feature[bottom, right] * across
    return upper * (1 - down) + lower * down


def roi_align(feature: np.ndarray, box: np.ndarray, stride: float, size: int) -> np.ndarray:
    """[size, size, C] with half-pixel shift and 2×2 samples a bin."""
    x1, y1, x2, y2 = (float(v) / stride - 0.5 for v in box)
    bin_w, bin_h = (x2 - x1) / size, (y2 - y1) / size
    pooled = np.zeros((size, size, feature.shape[2]))
    for row in range(size):
        for column in range(size):
            for v in (0.25, 0.75):
                for u in (0.25, 0.75):
                    point = y1 + (row + v) * bin_h, x1 + (column + u) * bin_w
                    pooled[row, column] += bilinear(feature, *point) / 4
    return pooled


def sample_corners(feature: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """[size, size, C] read from corner to corner of a box in 0..1, of which 1 is the last cell."""
    height, width, channels = feature.shape
    x1, y1, x2, y2 = box * np.array([width - 1, height - 1] * 2)
    pooled = np.zeros((size, size, channels))
    for row in range(size):
        for column in range(size):
            y = y1 + row * (y2 - y1) / (size - 1)
            x = x1 + column * (x2 - x1) / (size - 1)
            if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                pooled[row, column] = bilinear(feature, y, x)
    return pooled
