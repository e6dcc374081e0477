"""Rasters to predict on, made when they are needed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from geomrcnn.data.landscape import landscape

SCENE = 1024
"""Side of the farmland that is drawn, and repeated."""


def write_farmland(path: Path, size: int, gsd: float) -> None:
    """A compressed GeoTIFF of pixels of `gsd` metres: one scene again and again."""
    scene = np.moveaxis(landscape(1, (SCENE, SCENE), gsd).image, -1, 0)
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 3, "dtype": "uint8",
        "crs": "EPSG:32632", "transform": Affine(gsd, 0, 500_000, 0, -gsd, 5_000_000),
        "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "predictor": 2, "interleave": "pixel",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, size, SCENE):
            rows = min(SCENE, size - top)
            repeated = np.tile(scene[:, :rows], (1, 1, math.ceil(size / SCENE)))
            file.write(repeated[..., :size], window=((top, top + rows), (0, size)))
