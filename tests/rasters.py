"""Small rasters for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

UTM = "EPSG:32632"
NORTH_UP = Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 5_000_000.0)
"""Pixels of 2 m in UTM at 45.15 degrees north, on the central meridian: 2.0008 m on the ground."""


def write_raster(
    path: Path,
    pixels: np.ndarray,
    *,
    crs: str | None = UTM,
    transform: Affine = NORTH_UP,
    mask: np.ndarray | None = None,
    colours: tuple[ColorInterp, ...] = (),
    **profile: Any,
) -> Path:
    """Write [bands, height, width] as GeoTIFF, with an internal mask [height, width] if given."""
    bands, height, width = pixels.shape
    profile = {
        "driver": "GTiff",
        "count": bands,
        "height": height,
        "width": width,
        "dtype": pixels.dtype,
        "crs": crs,
        "transform": transform,
        "photometric": "MINISBLACK",
        **profile,
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        if colours:
            file.colorinterp = colours
        file.write(pixels)
        if mask is not None:
            file.write_mask(mask)
    return path
