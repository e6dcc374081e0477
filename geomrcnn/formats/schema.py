"""The table of features that every format is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS

from geomrcnn.errors import OutputError

COLUMNS: dict[str, pa.DataType] = {
    "class": pa.string(),
    "score": pa.float64(),
    "area_m2": pa.float64(),
    "fragments": pa.int32(),
    "status": pa.string(),
    "raster": pa.string(),
    "tile": pa.string(),
}
"""Attributes of a detected object, in the order they are written.

`class` is the model's name for it, `score` from 0 to 1, `area_m2` the area on the ground,
`fragments` how many detections make it up, `status` what became of its outline ("traced",
"regularised" or "kept"), `raster` the name of the raster it is in, and `tile` the row and column of
the tile that saw it best.
"""

OPTIONAL = {"raster"}
"""Columns that are left out where the features have none; the others are there, if only null."""


class Batch(NamedTuple):
    """Some features.

    Attributes:
        attributes: One row a feature, all columns but the geometry.
        geometry: [rows] Polygons and MultiPolygons, exteriors counter-clockwise.
    """

    attributes: pa.RecordBatch
    geometry: npt.NDArray[np.object_]


class FeatureTable(NamedTuple):
    """Features of one schema, which can be gone through once.

    Attributes:
        schema: The attributes' names and types: `COLUMNS`, then any others.
        crs: Of all geometries; None for pixels.
        batches: The features, in the order of the file.
    """

    schema: pa.Schema
    crs: CRS | None
    batches: Iterator[Batch]


def feature_table(frames: Iterable[GeoDataFrame], crs: object = None) -> FeatureTable:
    """Bring features to the one schema, so that a file without any looks like all others.

    Args:
        frames: Polygons or multipolygons with any columns, in parts. The first part decides which
            columns there are, besides `COLUMNS`, and their types.
        crs: Anything pyproj reads; by default that of the first part.

    Raises:
        OutputError: for the first part now, for others when they are reached: a geometry is
            missing or no polygon, or a column or the CRS does not fit the others'.
    """
    parts = iter(frames)
    first = next(parts, None)
    if first is None:
        first = GeoDataFrame(geometry=[], crs=crs)
    crs = first.crs if crs is None else crs
    common = None if crs is None else CRS.from_user_input(crs)
    schema = _schema(first)
    batches = (_batch(frame, schema, common) for frame in chain([first], parts))
    return FeatureTable(schema, common, batches)


def multipolygons(geometry: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The same areas, all as MultiPolygons: the one type that a stream of both can promise."""
    parts, index = shapely.get_parts(geometry, return_index=True)
    return np.asarray(shapely.multipolygons(parts, indices=index), dtype=object)


def _schema(frame: GeoDataFrame) -> pa.Schema:
    names = [name for name in COLUMNS if name in frame or name not in OPTIONAL]
    others = [name for name in frame.columns if name not in (*COLUMNS, frame.geometry.name)]
    fields = [pa.field(name, COLUMNS[name]) for name in names]
    return pa.schema([*fields, *(pa.field(str(name), _type(frame[name])) for name in others)])


def _type(values: pd.Series) -> pa.DataType:
    """The plainest Arrow type that holds a column that is not one of ours."""
    found = _array(values).type
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_null(found) or pa.types.is_large_string(found):
        return pa.string()
    return found


def _batch(frame: GeoDataFrame, schema: pa.Schema, crs: CRS | None) -> Batch:
    if frame.crs is not None and frame.crs != crs:
        raise OutputError(f"features in {frame.crs.name} cannot join others in {_name(crs)}")
    known = {*schema.names, *COLUMNS, frame.geometry.name}
    if strange := [str(name) for name in frame.columns if name not in known]:
        raise OutputError(f"features must all have the same columns; some have {strange[0]}, too")
    columns = [_column(frame, field) for field in schema]
    return Batch(pa.RecordBatch.from_arrays(columns, schema=schema), _geometry(frame))


def _column(frame: GeoDataFrame, field: pa.Field) -> pa.Array:
    if field.name not in frame:
        return pa.nulls(len(frame), field.type)
    values = frame[field.name]
    if pa.types.is_string(field.type):
        values = values.map(str, na_action="ignore")
    return _array(values, field.type)


def _array(values: pd.Series, kind: pa.DataType | None = None) -> pa.Array:
    """A column in one piece.

    Raises:
        OutputError: if Arrow has no such type, in its words.
    """
    try:
        found = pa.array(values, kind, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise OutputError(f"column '{values.name}' cannot be written: {error}") from error
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _geometry(frame: GeoDataFrame) -> npt.NDArray[np.object_]:
    shapes = frame.geometry
    kinds = set(shapes.geom_type.fillna("no geometry").mask(shapes.is_empty, "an empty geometry"))
    if strange := sorted(kinds - {"Polygon", "MultiPolygon"}):
        raise OutputError(f"features must be polygons; there are some with {', '.join(strange)}")
    oriented = shapely.orient_polygons(frame.geometry.to_numpy())
    return np.asarray(oriented, dtype=object)


def _name(crs: CRS | None) -> str:
    return "pixels" if crs is None else str(crs.name)
