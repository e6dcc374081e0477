"""GeoParquet 1.1: columns in compressed chunks, for databases and data frames.

Specification: https://geoparquet.org/releases/v1.1.0/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from geomrcnn.errors import DataError
from geomrcnn.formats import fiboa
from geomrcnn.formats.gdal import PROVENANCE
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import Batch, FeatureTable

ROWS = 16_384
"""Of a row group, the part of a file that is read at once."""

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_BBOX = pa.struct([(side, pa.float32()) for side in _SIDES])


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features as a new GeoParquet file in their own CRS, with a box around each.

    Agricultural fields follow the fiboa specification as well.

    Raises:
        BaseException: whatever `table.batches` raises, unchanged.
    """
    fields = provenance is not None and fiboa.applies(provenance)
    if fields:
        table = fiboa.with_columns(table)
    schema = table.schema.append(pa.field("geometry", pa.binary(), nullable=False))
    schema = schema.append(pa.field("bbox", _BBOX, nullable=False))
    extent = _Extent()
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(_rows(table.batches, schema, extent), schema):
            writer.write_table(group, row_group_size=ROWS)
        metadata = {"geo": _geo(table, extent)}
        if provenance is not None:
            metadata[PROVENANCE] = provenance.to_dict()
            if fields:
                metadata["collection"] = fiboa.collection(layer, provenance)
        writer.add_key_value_metadata(
            {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()}
        )


def read_provenance(path: Path) -> str | None:
    """The record of what made a file, if it has one.

    Raises:
        DataError: if it is no Parquet file.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: {error}") from error
    found = metadata.get(PROVENANCE.encode())
    return None if found is None else found.decode()


class _Extent:
    """What the metadata says of all geometries, gathered as they go by."""

    def __init__(self) -> None:
        self.types: set[str] = set()
        self.bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])

    def add(self, geometry: np.ndarray, bounds: np.ndarray) -> None:
        self.types |= {shape.geom_type for shape in geometry}
        self.bounds[:2] = np.minimum(self.bounds[:2], bounds[:, :2].min(axis=0, initial=np.inf))
        self.bounds[2:] = np.maximum(self.bounds[2:], bounds[:, 2:].max(axis=0, initial=-np.inf))


def _rows(batches: Iterator[Batch], schema: pa.Schema, extent: _Extent) -> Iterator[pa.Table]:
    """Batches with their geometry and boxes."""
    for attributes, geometry in batches:
        bounds = shapely.bounds(geometry).reshape(-1, 4)
        extent.add(geometry, bounds)
        wkb = pa.array(shapely.to_wkb(geometry, flavor="iso"), pa.binary())
        columns = [*attributes.columns, wkb, _boxes(bounds)]
        yield pa.Table.from_arrays(columns, schema=schema)


def _boxes(bounds: np.ndarray) -> pa.StructArray:
    """Boxes [rows, 4] in single precision, never smaller than they were."""
    near = bounds.astype(np.float32)
    lower = np.where(near > bounds, np.nextafter(near, np.float32(-np.inf)), near)
    upper = np.where(near < bounds, np.nextafter(near, np.float32(np.inf)), near)
    sides = [lower[:, 0], lower[:, 1], upper[:, 2], upper[:, 3]]
    return pa.StructArray.from_arrays([pa.array(side) for side in sides], fields=list(_BBOX))


def _groups(tables: Iterator[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows in groups of `ROWS`, however they came; the file depends on the rows alone."""
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        while len(waiting) >= ROWS:
            yield waiting.slice(0, ROWS).combine_chunks()
            waiting = waiting.slice(ROWS).combine_chunks()
    if len(waiting):
        yield waiting.combine_chunks()


def _geo(table: FeatureTable, extent: _Extent) -> dict[str, Any]:
    """The metadata that makes Parquet GeoParquet."""
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(extent.types),
        "crs": None if table.crs is None else table.crs.to_json_dict(),
        "orientation": "counterclockwise",
        "covering": {"bbox": {side: ["bbox", side] for side in _SIDES}},
    }
    if extent.types:
        column["bbox"] = extent.bounds.tolist()
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
