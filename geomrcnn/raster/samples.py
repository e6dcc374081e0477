"""Values from all over a raster, without reading all of it."""

from __future__ import annotations

import numpy as np

from geomrcnn.raster.source import RasterSource
from geomrcnn.raster.tile import Window

SIDE = 1024
"""Pixels of a side of the thumbnail that is looked at."""

WINDOWS, WINDOW = 10, 64
"""Where a thumbnail would decode the whole: so many windows across, and down, of so many pixels."""


def sample(source: RasterSource) -> np.ndarray:
    """Valid pixels [N, bands] of a raster; the same ones every time.

    A small raster gives all it has, a larger one what its overviews show, one without overviews
    what evenly spaced windows show.

    Raises:
        RasterError: the raster cannot be read.
    """
    if source.has_overviews or max(source.width, source.height) <= SIDE:
        pixels, valid, _ = source.thumbnail(SIDE)
        return np.asarray(pixels[valid])
    parts = []
    for row in _starts(source.height):
        for column in _starts(source.width):
            pixels, valid = source.read(Window(column, row, WINDOW, WINDOW))
            parts.append(pixels[valid])
    return np.concatenate(parts)


def _starts(size: int) -> list[int]:
    last = max(size - WINDOW, 0)
    return sorted({round(last * k / (WINDOWS - 1)) for k in range(WINDOWS)})
