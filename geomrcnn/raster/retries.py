"""Asking a service again after a failure, later each time; GDAL's driver for tiles does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError
from geomrcnn.raster.opening import GDAL_OPTIONS

T = TypeVar("T")


def is_service(dataset: DatasetReader) -> bool:
    """Whether a raster is made of tiles that a server sends, and has the bounds of the world."""
    return dataset.driver in ("WMS", "WMTS")


def patiently(read: Callable[[], T]) -> T:
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


def _setting(key: str) -> str:
    return os.environ.get(key, str(GDAL_OPTIONS[key]))
