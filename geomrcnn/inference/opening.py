"""How a raster is opened, as a value: for other threads and other processes to do the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from geomrcnn.raster.scaling import Scaling
from geomrcnn.raster.source import RasterSource, open_raster
from geomrcnn.raster.tile_service import Bounds


@dataclass(frozen=True)
class Opening:
    """A raster and all that has been decided on it; a call opens it.

    Attributes:
        path: Anything GDAL opens, or the URL of a tile service.
        gsd: See `open_raster`, as for all that follow.
    """

    path: str
    gsd: float | None
    bands: tuple[int, ...] | None = None
    scaling: Scaling | None = None
    within: Bounds | None = None
    in_units: bool = False

    def __call__(self) -> RasterSource:
        """Open it.

        Raises:
            RasterError: if that is not possible.
        """
        return open_raster(
            self.path,
            gsd=self.gsd,
            bands=self.bands,
            scaling=self.scaling,
            within=self.within,
            in_units=self.in_units,
        )

    def from_anywhere(self) -> Opening:
        """The same for a process that works in another folder."""
        path = os.path.abspath(self.path) if os.path.exists(self.path) else self.path
        return replace(self, path=path)
