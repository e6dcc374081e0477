"""Soft masks of several tiles, combined on one grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from geomrcnn.vector.instance import Box, Instance

LONGEST_SIDE = 2048
"""Cells along a canvas. An object longer than this many pixels is drawn with larger cells: its
masks, a few dozen cells for a whole tile, carry no finer detail, and memory stays bounded."""


@dataclass(frozen=True)
class Grid:
    """Square cells over a part of the raster.

    Attributes:
        left: Left edge in raster pixels.
        top: Upper edge in raster pixels.
        cell: Side of a cell in raster pixels.
        width: Number of columns.
        height: Number of rows.
    """

    left: int
    top: int
    cell: int
    width: int
    height: int

    @property
    def box(self) -> Box:
        """Extent in raster pixels."""
        right = self.left + self.cell * self.width
        return Box(self.left, self.top, right, self.top + self.cell * self.height)

    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """x [width] and y [height] of the cell centres, in raster pixels."""
        x = self.left + self.cell * (np.arange(self.width) + 0.5)
        y = self.top + self.cell * (np.arange(self.height) + 0.5)
        return x, y


def grid_around(boxes: Sequence[Box], longest_side: int = LONGEST_SIDE) -> Grid:
    """A grid that holds all boxes and a margin of at least one cell."""
    x1, y1 = (math.floor(min(box[side] for box in boxes)) for side in (0, 1))
    x2, y2 = (math.ceil(max(box[side] for box in boxes)) for side in (2, 3))
    cell = max(1, math.ceil(max(x2 - x1, y2 - y1) / longest_side))
    width, height = (math.ceil(extent / cell) + 2 for extent in (x2 - x1, y2 - y1))
    return Grid(x1 - cell, y1 - cell, cell, width, height)


def paste(mask: np.ndarray, box: Box, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a soft mask, zero beyond its box, bilinearly at points of the raster.

    Args:
        mask: [h, w] probabilities whose cells divide the box evenly.
        box: In raster pixels.
        x: [X] columns to sample, in continuous raster pixels.
        y: [Y] rows to sample.

    Returns:
        [Y, X] probabilities.
    """
    rows, columns = mask.shape
    across = (x - box.x1) / box.width * columns + 0.5
    down = (y - box.y1) / box.height * rows + 0.5
    return interpolate(interpolate(np.pad(mask, 1), down).T, across).T


def interpolate(table: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rows of a table at fractional positions, [P, columns]; beyond its ends, the last ones."""
    inside = np.clip(positions, 0, len(table) - 1)
    before = np.minimum(inside.astype(int), len(table) - 2)
    share = (inside - before)[:, None]
    return np.asarray((1 - share) * table[before] + share * table[before + 1])


def combine(members: Sequence[Instance], grid: Grid) -> np.ndarray:
    """Mean probability over all tiles that see a cell, each trusted by its distance to its edge.

    Near its edge a tile lacks context and its masks are cut off; the neighbour sees the same place
    well inside. Weighting by that distance hands over smoothly from one tile to the next. Within
    one tile the highest probability counts.

    Args:
        members: Parts of one object, at least one.
        grid: Where to draw.

    Returns:
        [height, width] probabilities, zero where no member's tile looks.
    """
    x, y = grid.centres()
    weighted = np.zeros((grid.height, grid.width))
    weights = np.zeros_like(weighted)
    ordered = sorted(members, key=lambda member: (member.tile, member.index))
    for _, same_tile in groupby(ordered, key=lambda member: member.tile):
        seen = list(same_tile)
        window = seen[0].window
        columns = slice(*np.searchsorted(x, (window.x1, window.x2)))
        rows = slice(*np.searchsorted(y, (window.y1, window.y2)))
        trust = np.minimum(
            np.minimum(x[columns] - window.x1, window.x2 - x[columns]),
            np.minimum(y[rows] - window.y1, window.y2 - y[rows])[:, None],
        )
        pasted = [paste(member.mask, member.box, x[columns], y[rows]) for member in seen]
        weighted[rows, columns] += trust * np.max(pasted, axis=0)
        weights[rows, columns] += trust
    return np.divide(weighted, weights, out=np.zeros_like(weighted), where=weights > 0)
