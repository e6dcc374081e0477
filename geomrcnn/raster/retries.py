"""Asking a service again after a failure, later each time; GDAL's driver for tiles does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from geomrcnn.errors import RasterError
from geomrcnn.raster.opening import GDAL_OPTIONS

T = TypeVar("T")


def is_service(dataset: DatasetReader) -> bool:
    """Whether a raster is made of tiles that a server sends, and has the bounds of the world."""
    return dataset.driver in ("WMS", "WMTS")


def patiently(read: Callable[[RasterioWindow], T], window: RasterioWindow, block: int) -> T:
    """Read a window of a service; if that fails, each of its tiles as often as it takes.

    GDAL asks for the tiles of a window at once and keeps those that came, but one that is missing
    fails the window.

    Args:
        read: Reads any window.
        window: Of the service's pixels.
        block: Pixels of a side of its tiles.

    Raises:
        RasterError: a tile cannot be had.
    """
    try:
        return read(window)
    except RasterError:
        for tile in _tiles(window, block):
            retried(partial(read, tile))
        return read(window)


def retried(read: Callable[[], T]) -> T:
    """What `read` gives, after waiting as GDAL_HTTP_RETRY_DELAY and _MAX_RETRY say if it fails.

    Raises:
        RasterError: the last failure.
    """
    wait = float(_setting("GDAL_HTTP_RETRY_DELAY"))
    for _ in range(int(_setting("GDAL_HTTP_MAX_RETRY"))):
        try:
            return read()
        except RasterError:
            time.sleep(wait)
            wait *= 2
    return read()


def _tiles(window: RasterioWindow, block: int) -> Iterator[RasterioWindow]:
    """One pixel of each tile that a window touches."""
    for row in _one_in_each(window.row_off, window.height, block):
        for column in _one_in_each(window.col_off, window.width, block):
            yield RasterioWindow(column, row, 1, 1)


def _one_in_each(start: int, length: int, block: int) -> Iterator[int]:
    yield start
    yield from range((start // block + 1) * block, start + length, block)


def _setting(key: str) -> str:
    return os.environ.get(key, str(GDAL_OPTIONS[key]))
