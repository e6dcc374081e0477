"""Rasters with bright objects on them, and the layers that label these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas
import numpy as np
import shapely
from affine import Affine

from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.raster.tile import Window
from tests.rasters import NORTH_UP, UTM, write_raster

BRIGHT, DARK = 220, 40
RGB = {"photometric": "RGB"}


def on_map(shape: shapely.Geometry, transform: Affine = NORTH_UP) -> shapely.Geometry:
    """From pixels to map coordinates."""
    a, b, c, d, e, f = tuple(transform)[:6]
    turn, corner = np.array([[a, b], [d, e]]), np.array([c, f])
    return shapely.transform(shape, lambda xy: xy @ turn.T + corner)


def squares(rows: int, columns: int, step: int, side: int) -> list[shapely.Polygon]:
    """Squares of `side` pixels in the middle of the cells of a grid of `step` pixels."""
    margin = (step - side) / 2
    return [
        shapely.box(*(corner := (j * step + margin, i * step + margin)),
                    corner[0] + side, corner[1] + side)
        for i in range(rows)
        for j in range(columns)
    ]  # fmt: skip


def write_scene(
    path: Path,
    size: int,
    shapes: Sequence[shapely.Geometry],
    transform: Affine = NORTH_UP,
    crs: str | None = UTM,
    **options: object,
) -> Path:
    """A raster of size × size pixels where `shapes`, in pixels, are bright."""
    pixels = np.full((3, size, size), DARK, np.uint8)
    window = Window(0, 0, size, size)
    for shape in shapes:
        pixels[:, pixel_mask(shape, window) > 0] = BRIGHT
    return write_raster(path, pixels, transform=transform, crs=crs, **{**RGB, **options})


def write_layer(
    path: Path,
    shapes: Sequence[shapely.Geometry],
    transform: Affine = NORTH_UP,
    crs: str | None = UTM,
    to: str | None = None,
    **columns: Sequence[object],
) -> Path:
    """Shapes given in pixels as a layer, in the CRS `to` if one is named."""
    moved = [on_map(shape, transform) for shape in shapes]
    frame = geopandas.GeoDataFrame(columns, geometry=moved, crs=crs)
    (frame.to_crs(to) if to else frame).to_file(path, engine="pyogrio")
    return path
