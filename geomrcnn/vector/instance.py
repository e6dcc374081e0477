"""One detected object, placed on the raster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from geomrcnn.vector.polygons import Polygonal


class Box(NamedTuple):
    """A rectangle in continuous raster pixels: pixel i covers [i, i + 1)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Extent along x in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Extent along y in pixels."""
        return self.y2 - self.y1


@dataclass(frozen=True, eq=False)
class Instance:
    """What one tile saw of one object.

    Attributes:
        box: In raster pixels, not rounded.
        score: In [0, 1].
        class_id: 1..C.
        mask: [m, m] probabilities; the grid's cells divide the box evenly.
        tile: (row, column) in the grid of tiles.
        window: The tile's own extent in raster pixels; it may reach beyond the raster.
        index: Place among the detections of its tile.
    """

    box: Box
    score: float
    class_id: int
    mask: np.ndarray
    tile: tuple[int, int]
    window: Box
    index: int

    @property
    def rank(self) -> tuple[float, tuple[int, int], int]:
        """Sort key, best first: score, then tile row, tile column and index."""
        return -self.score, self.tile, self.index


class Traced(NamedTuple):
    """An instance with its outline.

    Attributes:
        instance: What the tile saw.
        outline: Valid polygons in raster pixels, not empty.
    """

    instance: Instance
    outline: Polygonal
