"""Reading the tiles of a grid one after the other, and what is stored in whole rows but once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geomrcnn.errors import RasterError
from geomrcnn.raster.imagery import Pixels
from geomrcnn.raster.tile import Tile, Window

if TYPE_CHECKING:
    from geomrcnn.raster.grid import Cell
    from geomrcnn.raster.source import RasterSource

SWATH = 256 * 2**20
"""Bytes of tiles beside each other that are read at once."""


class TileReader:
    """Reads tiles of a raster, fastest in the order of the grid.

    Where a file stores whole rows and a row of tiles exceeds GDAL's cache, reading tile by tile
    would decode the whole row again for each. There, as many tiles are read at once as `SWATH`
    bytes hold.
    """

    def __init__(self, source: RasterSource) -> None:
        """Read from an open raster."""
        self._source = source
        self._swath: tuple[Window, Pixels] | None = None
        self._unreadable: tuple[int, int] | None = None

    def read(self, cell: Cell) -> Tile:
        """Read the tile of a cell.

        Raises:
            RasterLostError, RasterError: as `RasterSource.read`. After a plain RasterError other
                cells can be read.
        """
        row, column, window = cell
        pixels, valid = self._pixels(window)
        return Tile(row, column, window, pixels, valid)

    def _pixels(self, window: Window) -> Pixels:
        rows = (window.row, window.height)
        if rows == self._unreadable or not self._source.reads_far_aside(window):
            return self._source.read(window)
        if self._swath is None or not _holds(self._swath[0], window):
            self._swath = None  # let go of the old before there is a new one
            wide = self._widened(window)
            try:
                self._swath = (wide, self._source.read(wide))
            except RasterError:
                self._unreadable = rows  # in part: find out tile by tile
                return self._source.read(window)
        place, (pixels, valid) = self._swath
        left = window.column - place.column
        part = slice(left, left + window.width)
        return pixels[:, part].copy(), valid[:, part].copy()

    def _widened(self, window: Window) -> Window:
        """The window and what follows in its rows, within the bound of memory."""
        source = self._source
        a_column = window.height * (np.dtype(source.dtype).itemsize * source.count + 1)
        left = source.width - window.column
        return window._replace(width=max(window.width, min(left, SWATH // a_column)))


def _holds(swath: Window, window: Window) -> bool:
    return (
        (swath.row, swath.height) == (window.row, window.height)
        and swath.column <= window.column
        and window.column + window.width <= swath.column + swath.width
    )
