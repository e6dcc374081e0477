"""Rasters to predict on, made when they are needed."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from shapely import Polygon, affinity

from geomrcnn.data.landscape import Scene, landscape

SCENE = 1024
"""Side of the farmland that is drawn, and repeated."""

CORNER = 500_000, 5_000_000
"""Where its north-western corner lies in UTM zone 32, in metres."""


def write_farmland(path: Path, size: int, gsd: float) -> None:
    """A compressed GeoTIFF of pixels of `gsd` metres: one scene again and again."""
    scene = np.moveaxis(_scene(gsd).image, -1, 0)
    x, y = CORNER
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 3, "dtype": "uint8",
        "crs": "EPSG:32632", "transform": Affine(gsd, 0, x, 0, -gsd, y),
        "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "predictor": 2, "interleave": "pixel",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, size, SCENE):
            rows = min(SCENE, size - top)
            repeated = np.tile(scene[:, :rows], (1, 1, math.ceil(size / SCENE)))
            file.write(repeated[..., :size], window=((top, top + rows), (0, size)))


def fields_of_farmland(size: int, gsd: float) -> list[Polygon]:
    """The true fields of such a raster, on the map; each ends at the edge of its scene."""
    frame, (x, y) = shapely.box(0, 0, size, size), CORNER
    shifts = range(0, size, SCENE)
    moved = (
        affinity.translate(field, right, down)
        for field in _scene(gsd).fields
        for down in shifts
        for right in shifts
    )
    parts = (part for one in moved for part in shapely.get_parts(one.intersection(frame)))
    return [
        affinity.affine_transform(part, [gsd, 0, 0, -gsd, x, y]) for part in parts if part.area > 0
    ]


@lru_cache(maxsize=1)
def _scene(gsd: float) -> Scene:
    return landscape(1, (SCENE, SCENE), gsd)
