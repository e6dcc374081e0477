"""The unit of work: a window of the raster with its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A rectangle of whole pixels on the raster's grid at the model's GSD.

    It may reach beyond the raster; pixels out there are zero and not valid.
    """

    column: int
    row: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Tile:
    """One window of a raster, ready for a detector.

    Attributes:
        row: Place in the grid of tiles, from the top.
        column: Place in the grid of tiles, from the left.
        window: Where the tile lies, in raster pixels at the model's GSD.
        pixels: [height, width, bands], in the raster's own dtype.
        valid: [height, width] bool, False on nodata and beyond the raster.
    """

    row: int
    column: int
    window: Window
    pixels: np.ndarray
    valid: np.ndarray
