"""From outlines in pixels to features on the map, with their attributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from geopandas import GeoDataFrame

from geomrcnn.inference.area_of_interest import AreaOfInterest
from geomrcnn.inference.georeference import ground_areas, to_map
from geomrcnn.raster.source import RasterSource
from geomrcnn.vector.polygons import Polygonal, polygonal
from geomrcnn.vector.settle import Whole
from geomrcnn.vector.simplify import TOLERANCE, simplify


def to_features(
    wholes: Sequence[Whole],
    source: RasterSource,
    classes: Sequence[str],
    *,
    gsd: float,
    simplify_by: float | None = None,
    min_area: float = 0.0,
    area: AreaOfInterest | None = None,
) -> GeoDataFrame:
    """The features of a raster's objects, in the order given.

    Args:
        wholes: Objects in pixels of the source.
        source: The raster they were found in.
        classes: Names of classes 1..C.
        gsd: Metres that a pixel measures.
        simplify_by: Metres that simplification may move an outline; by default a quarter of a
            pixel.
        min_area: Objects smaller than this many square metres are left out.
        area: Where objects must lie.

    Returns:
        Columns class, score (4 decimals), area_m2 (on the ellipsoid, 1 decimal),
        fragments (detections its outline was put together from), status ("traced"), tile
        ("row-column" of the tile with the best view), and geometry in the raster's CRS with
        exteriors counter-clockwise.
    """
    tolerance = TOLERANCE if simplify_by is None else simplify_by / gsd
    frame = shapely.box(0, 0, source.width, source.height)
    shaped = [(whole, _finish(whole.outline, tolerance, frame)) for whole in wholes]
    shaped = [
        (whole, outline)
        for whole, outline in shaped
        if not outline.is_empty and (area is None or area.holds(outline))
    ]
    outlines = [outline for _, outline in shaped]
    geometries = to_map(outlines, source.transform)
    if source.native_gsd is None:
        areas = [outline.area * gsd**2 for outline in outlines]
    else:
        areas = ground_areas(geometries, source.crs)
    large = [k for k, size in enumerate(areas) if size >= min_area]
    best = [shaped[k][0].best for k in large]
    return GeoDataFrame(
        {
            "class": [classes[one.class_id - 1] for one in best],
            "score": [round(one.score, 4) for one in best],
            "area_m2": [round(areas[k], 1) for k in large],
            "fragments": np.array([shaped[k][0].fragments for k in large], np.int32),
            "status": ["traced"] * len(large),
            "tile": [f"{row}-{column}" for row, column in (one.tile for one in best)],
        },
        geometry=[geometries[k] for k in large],
        crs=source.crs,
    )


def _finish(outline: Polygonal, tolerance: float, frame: shapely.Polygon) -> Polygonal:
    """Simplify an outline, and keep it on the raster."""
    simpler = simplify(outline, tolerance)
    return simpler if frame.covers(simpler) else polygonal(simpler.intersection(frame))
