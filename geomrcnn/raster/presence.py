"""Whether a raster is still what it was when it was opened."""

from __future__ import annotations

import os

import rasterio
from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError
from geomrcnn.raster.opening import is_plain_file, open_dataset


class Presence:
    """Remembers a raster as it is now.

    A plain file is known by its size and time of change. Of anything else all that can be asked is
    whether it still opens.
    """

    def __init__(self, dataset: DatasetReader, connection: str) -> None:
        """Take a dataset that was just opened by `connection`."""
        self._connection = connection
        self._facts = _facts(connection)
        self._files = ":".join(dataset.files)

    def lasts(self) -> bool:
        """Whether it is there, and the same."""
        if is_plain_file(self._connection):
            return _facts(self._connection) == self._facts
        with rasterio.Env(CPL_VSIL_CURL_NON_CACHED=self._files):
            try:
                open_dataset(self._connection).close()
            except RasterError:
                return False
        return True


def _facts(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return None
    return facts.st_size, facts.st_mtime_ns
