"""Tile services (XYZ and TMS) as rasters: the description that GDAL's own driver opens."""

from __future__ import annotations

import math
import re
from typing import NamedTuple
from xml.sax.saxutils import escape

from geomrcnn.errors import RasterError
from geomrcnn.raster.redaction import redacted

RADIUS = 6_378_137.0
"""Metres: of the sphere of Web Mercator."""

HALF_WORLD = math.pi * RADIUS
LARGEST_LATITUDE = 85.05
FINEST_LEVEL = 22
"""At which the world is 2^30 pixels wide; rasters end at 2^31."""

SLACK = 1.01
"""Pixels this much larger than wanted will do: nothing is resampled for 1 %."""

_KNOWN = ("{z}", "{x}", "{y}", "{-y}")


class Bounds(NamedTuple):
    """A part of the Earth, in degrees of WGS 84."""

    west: float
    south: float
    east: float
    north: float


def is_template(path: str) -> bool:
    """Whether a path is the URL of tiles, such as https://host/{z}/{x}/{y}.png."""
    rows = "{y}" in path or "{-y}" in path
    return "://" in path and "{z}" in path and "{x}" in path and rows


def zoom_level(gsd: float, latitude: float) -> int:
    """The coarsest level whose pixels are no larger than `gsd` metres on the ground.

    A pixel of level z measures 2 π R cos(latitude) / (256 · 2^z).
    """
    at_level_0 = 2 * HALF_WORLD * math.cos(math.radians(latitude)) / 256
    return min(max(math.ceil(math.log2(at_level_0 / (gsd * SLACK))), 0), FINEST_LEVEL)


def describe(template: str, gsd: float | None, within: Bounds | None) -> str:
    """The XML by which GDAL opens a tile service as one raster of the world.

    Tiles are 256 pixels wide, or 512 if the template says "@2x". What the service does not have
    (404, 204) is transparent.

    Args:
        template: The URL, with {z}, {x} and {y}; {-y} counts rows from the south (TMS).
        gsd: Metres that a pixel shall measure on the ground.
        within: Where; it decides which level has that GSD.

    Raises:
        RasterError: GSD or area is missing, or the area is not on the map.
    """
    for placeholder in re.findall(r"\{[^}]*\}", template):
        if placeholder not in _KNOWN:
            raise RasterError(
                f"{redacted(template)}: '{placeholder}' is none of {', '.join(_KNOWN)}; put in its "
                "place what it stands for"
            )
    if within is None:
        raise RasterError(
            f"{redacted(template)}: a tile service covers the world; say where to look with "
            "--aoi, a layer that has a CRS"
        )
    if gsd is None:
        raise RasterError(f"{redacted(template)}: say which size of pixel to look at with --gsd")
    latitude = (within.south + within.north) / 2
    if not abs(latitude) < LARGEST_LATITUDE:
        raise RasterError(f"{redacted(template)}: its map ends at {LARGEST_LATITUDE} degrees")
    side = 512 if "@2x" in template else 256
    level = zoom_level(gsd * side / 256, latitude)
    url = re.sub(r"\{(z|x|-?y)\}", lambda part: f"${{{part.group(1).strip('-')}}}", template)
    return (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{escape(url)}</ServerUrl></Service>'
        f"<DataWindow><UpperLeftX>{-HALF_WORLD}</UpperLeftX><UpperLeftY>{HALF_WORLD}</UpperLeftY>"
        f"<LowerRightX>{HALF_WORLD}</LowerRightX><LowerRightY>{-HALF_WORLD}</LowerRightY>"
        f"<TileLevel>{level}</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>"
        f"<YOrigin>{'bottom' if '{-y}' in template else 'top'}</YOrigin></DataWindow>"
        f"<Projection>EPSG:3857</Projection><BlockSizeX>{side}</BlockSizeX>"
        f"<BlockSizeY>{side}</BlockSizeY><BandsCount>4</BandsCount><Timeout>60</Timeout>"
        "<ZeroBlockHttpCodes>204,404</ZeroBlockHttpCodes></GDAL_WMS>"
    )
