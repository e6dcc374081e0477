"""The table of features that every format is given."""

from __future__ import annotations

import pandas as pd
from geopandas import GeoDataFrame
from shapely import MultiPolygon

from geomrcnn.errors import OutputError

COLUMNS = {"class": str, "score": float, "area_m2": float, "tile": str}
"""Attributes of a detected object, in the order they are written.

`class` is the model's name for it, `score` from 0 to 1, `area_m2` the area on the ground, and
`tile` the row and column of the tile it was found in.
"""


def conform(frame: GeoDataFrame) -> GeoDataFrame:
    """Bring features to the one schema, so that a file without any looks like all others.

    Args:
        frame: Polygons or multipolygons with any columns.

    Returns:
        `COLUMNS` first, null where the frame has no such column, then the frame's others, then
        the geometry: all Polygon, or all MultiPolygon if there is one.

    Raises:
        OutputError: if a geometry is missing, or something other than a polygon.
    """
    geometry = frame.geometry
    kinds = set(geometry.geom_type.fillna("no geometry"))
    if strange := sorted(kinds - {"Polygon", "MultiPolygon"}):
        raise OutputError(f"features must be polygons; there are some with {', '.join(strange)}")
    if "MultiPolygon" in kinds:
        geometry = geometry.map(_as_multi)
    others = [name for name in frame.columns if name not in COLUMNS and name != geometry.name]
    columns = {name: _column(frame, name, kind) for name, kind in COLUMNS.items()}
    columns.update({name: frame[name] for name in others})
    return GeoDataFrame(columns, geometry=geometry.values, crs=frame.crs, index=frame.index)


def geometry_type(frame: GeoDataFrame) -> str:
    """The one type of a conforming frame's geometries; Polygon if it has none."""
    return "Polygon" if frame.empty else str(frame.geometry.geom_type.iloc[0])


def _column(frame: GeoDataFrame, name: str, kind: type) -> pd.Series:
    values = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)
    if kind is float:
        return values.astype(float)
    # `object` is read as text by every version of pandas and pyogrio, also if there are no rows.
    return values.map(str, na_action="ignore").astype(object).where(values.notna(), None)


def _as_multi(geometry: object) -> MultiPolygon:
    return geometry if isinstance(geometry, MultiPolygon) else MultiPolygon([geometry])
