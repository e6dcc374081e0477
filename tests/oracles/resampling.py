"""Resampling on a grid with the same corner, pixel by pixel, valid pixels only."""

from __future__ import annotations

import math

import numpy as np


def resample(
    pixels: np.ndarray, valid: np.ndarray, column: float, row: float
) -> tuple[np.ndarray, np.ndarray]:
    """Average along a side that becomes coarser, interpolate along one that becomes finer.

    Args:
        pixels: [height, width, bands].
        valid: [height, width] bool.
        column: Old columns to a new one.
        row: Old rows to a new one.

    Returns:
        Means [h, w, bands] over the valid pixels, and whether these have half of the weight [h, w].
    """
    shape = math.floor(valid.shape[0] / row + 0.5), math.floor(valid.shape[1] / column + 0.5)
    means, found = np.zeros((*shape, pixels.shape[-1])), np.zeros(shape, bool)
    for r, c in np.ndindex(shape):
        everything = valid_part = 0.0
        for i, down in _neighbours(r, row, valid.shape[0]):
            for j, across in _neighbours(c, column, valid.shape[1]):
                everything += down * across
                if valid[i, j]:
                    valid_part += down * across
                    means[r, c] += down * across * pixels[i, j].astype(float)
        found[r, c] = valid_part >= 0.5 * everything - 1e-9
        means[r, c] = means[r, c] / valid_part if found[r, c] else 0
    return means, found


def _neighbours(new: int, scale: float, size: int) -> list[tuple[int, float]]:
    """Old pixels that make a new one, with their weights."""
    if scale >= 1:
        start, stop = new * scale, (new + 1) * scale
        covered = range(math.floor(start), min(size, math.ceil(stop)))
        return [(i, min(stop, i + 1) - max(start, i)) for i in covered]
    centre = (new + 0.5) * scale - 0.5
    first = math.floor(centre)
    share = centre - first
    return [(i, w) for i, w in ((first, 1 - share), (first + 1, share)) if 0 <= i < size]
