"""How large a pixel is on the ground: the one place where CRS units become metres."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyproj
from affine import Affine
from pyproj.exceptions import ProjError
from rasterio.crs import CRS


class GroundStep(NamedTuple):
    """Metres on the ground from one pixel to the next, along a row and along a column."""

    column: float
    row: float


def ground_step(transform: Affine, crs: CRS, width: int, height: int) -> GroundStep | None:
    """Measure a pixel at the raster's centre along geodesics of the CRS's own ellipsoid.

    Map units would not do: a pixel in EPSG:3857 is 1 / cos(latitude) larger on the map than on
    the ground, and a pixel in degrees is narrower than high.

    Args:
        transform: From pixel coordinates (column, row) to map coordinates (x, y).
        crs: The CRS of the map coordinates.
        width: Columns of the raster.
        height: Rows of the raster.

    Returns:
        The two steps, or None if the CRS is not tied to the Earth (an engineering CRS), or the
        centre lies where it is not defined.
    """
    columns = width / 2 + np.array([-0.5, 0.5, 0.0, 0.0])
    rows = height / 2 + np.array([0.0, 0.0, -0.5, 0.5])
    with np.errstate(all="ignore"):  # a geotransform may hold any numbers; the end tells
        x = transform.a * columns + transform.b * rows + transform.c
        y = transform.d * columns + transform.e * rows + transform.f
    try:
        earth = pyproj.CRS.from_user_input(crs)
        geodetic, geod = earth.geodetic_crs, earth.get_geod()
        if geodetic is None or geod is None:
            return None
        to_geodetic = pyproj.Transformer.from_crs(earth, geodetic, always_xy=True)
        longitude, latitude = to_geodetic.transform(x, y)
    except ProjError:
        return None
    # Angles of a geodetic CRS need not be degrees: those of France's old NTF are grads.
    radians = geodetic.axis_info[0].unit_conversion_factor
    longitude, latitude = longitude * radians, latitude * radians
    _, _, metres = geod.inv(
        longitude[::2], latitude[::2], longitude[1::2], latitude[1::2], radians=True
    )
    step = GroundStep(float(metres[0]), float(metres[1]))
    return step if all(math.isfinite(side) and side > 0 for side in step) else None


def scaled(transform: Affine, column: float, row: float) -> Affine:
    """The transform of a grid with the same origin, whose pixels are `column` × `row` old ones."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return Affine(a * column, b * row, c, d * column, e * row, f)
