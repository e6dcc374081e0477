"""From objects in pixels to features on the map, with their attributes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from geomrcnn.inference.area_of_interest import AreaOfInterest
from geomrcnn.inference.georeference import ground_areas, to_map
from geomrcnn.inference.options import Options
from geomrcnn.raster.source import RasterSource
from geomrcnn.vector.outlines import finish
from geomrcnn.vector.polygons import Polygonal, polygonal
from geomrcnn.vector.settle import Whole
from geomrcnn.vector.shared_edges import share_edges


class Shaped(NamedTuple):
    """An object with the outline that a user wants.

    Attributes:
        whole: The object.
        outline: Valid, in raster pixels, not empty.
        status: What became of the outline; see `Finished`.
    """

    whole: Whole
    outline: Polygonal
    status: str


def shape(
    wholes: Iterable[Whole], classes: Sequence[str], options: Options, gsd: float
) -> list[Shaped]:
    """Give objects the outlines that the options ask for; some may come in parts, or go.

    Args:
        wholes: Objects in pixels of a raster.
        classes: Names of classes 1..C.
        options: What is asked for.
        gsd: Metres that a pixel measures.
    """
    of_class = [options.outlines(name, gsd) for name in classes]
    return [
        Shaped(whole, *finished)
        for whole in wholes
        for finished in finish(whole.outline, of_class[whole.best.class_id - 1])
    ]


def with_shared_edges(shaped: Sequence[Shaped], gap: float, tolerance: float) -> list[Shaped]:
    """Give neighbours of one class common edges.

    Args:
        shaped: All objects of a raster.
        gap: Widest sliver between neighbours to close, in pixels.
        tolerance: How much to simplify, in pixels.
    """
    shared = list(shaped)
    for kind in sorted({one.whole.best.class_id for one in shaped}):
        ranked = sorted(
            (k for k, one in enumerate(shaped) if one.whole.best.class_id == kind),
            key=lambda k: shaped[k].whole.rank,
        )
        outlines = share_edges([shaped[k].outline for k in ranked], gap, tolerance)
        for k, outline in zip(ranked, outlines, strict=True):
            shared[k] = shaped[k]._replace(outline=outline)
    return [one for one in shared if not one.outline.is_empty]


def to_features(
    shaped: Sequence[Shaped],
    source: RasterSource,
    classes: Sequence[str],
    options: Options,
    gsd: float,
    area: AreaOfInterest | None = None,
) -> GeoDataFrame:
    """The features of a raster's objects, in the order given.

    Args:
        shaped: Objects in pixels of the source.
        source: The raster they were found in.
        classes: Names of classes 1..C.
        options: Says how large objects must be.
        gsd: Metres that a pixel measures.
        area: Where objects must lie.

    Returns:
        Columns class, score (4 decimals), area_m2 (on the ellipsoid, 1 decimal), fragments
        (detections its outline was put together from), status, tile ("row-column" of the tile
        with the best view), and geometry in the raster's CRS with exteriors counter-clockwise.
    """
    shaped = [
        one
        for one in _on_raster(shaped, source)
        if not one.outline.is_empty and (area is None or area.holds(one.outline))
    ]
    outlines = [one.outline for one in shaped]
    geometries = to_map(outlines, source.transform)
    if source.native_gsd is None:
        areas = [outline.area * gsd**2 for outline in outlines]
    else:
        areas = ground_areas(geometries, source.crs)
    kept = [k for k, size in enumerate(areas) if options.min_area <= size <= options.max_area]
    wholes = [shaped[k].whole for k in kept]
    # With their types, which a row of tiles without objects would not show.
    return GeoDataFrame(
        {
            "class": _words(classes[one.best.class_id - 1] for one in wholes),
            "score": np.array([round(one.score, 4) for one in wholes], np.float64),
            "area_m2": np.array([round(areas[k], 1) for k in kept], np.float64),
            "fragments": np.array([one.fragments for one in wholes], np.int32),
            "status": _words(shaped[k].status for k in kept),
            "tile": _words(f"{row}-{column}" for row, column in (one.best.tile for one in wholes)),
        },
        geometry=[geometries[k] for k in kept],
        crs=source.crs,
    )


def _words(values: Iterable[str]) -> pd.Series[str]:
    return pd.Series(list(values), dtype=str)


def _on_raster(shaped: Sequence[Shaped], source: RasterSource) -> list[Shaped]:
    """Cut off what lies beyond the raster."""
    frame = shapely.box(0, 0, source.width, source.height)
    inside = shapely.covers(frame, np.array([one.outline for one in shaped], object))
    return [
        one if whole else one._replace(outline=polygonal(one.outline.intersection(frame)))
        for one, whole in zip(shaped, inside, strict=True)
    ]
