"""Streaming features into a file by one of GDAL's drivers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable, multipolygons

PROVENANCE = "geomrcnn"
"""Name of the record of what made a layer, among the layer's metadata."""

SQL = re.compile(r"sqlite3_(exec|prepare_v2|step)\(.*\) failed: ", re.DOTALL)


def write(
    table: FeatureTable,
    path: Path,
    *,
    driver: str,
    layer: str,
    geometry_type: str = "MultiPolygon",
    metadata: Provenance | None = None,
    dataset_options: Mapping[str, str] | None = None,
    layer_options: Mapping[str, str] | None = None,
) -> None:
    """Write features as the only layer of a new file, a batch at a time.

    Args:
        table: The features.
        path: Where no file is.
        driver: Short name of GDAL's driver.
        layer: Name of the layer.
        geometry_type: "MultiPolygon", to which all geometries are then brought, or what the driver
            calls a layer with polygons of both types.
        metadata: Kept by drivers that have metadata of a layer.
        dataset_options: Creation options of the driver.
        layer_options: Creation options of the driver.

    Raises:
        OutputError: if GDAL cannot, in its words.
        BaseException: whatever `table.batches` raises, unchanged.
    """
    source = _Source(table, multi=geometry_type == "MultiPolygon")
    failure: Exception | None = None
    with warnings.catch_warnings():
        # Features of a raster that is not georeferenced have pixel coordinates, and no CRS.
        warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
        try:
            pyogrio.write_arrow(
                pa.RecordBatchReader.from_batches(source.schema, source.batches()),
                path,
                driver=driver,
                layer=layer,
                geometry_name=source.geometry_name,
                geometry_type=geometry_type,
                crs=None if table.crs is None else table.crs.to_wkt(),
                layer_metadata=None if metadata is None else {PROVENANCE: metadata.to_json()},
                dataset_options=dataset_options,
                layer_options=layer_options,
            )
        except (DataSourceError, DataLayerError, RuntimeError) as error:
            failure = error
    if source.error is not None:
        raise source.error
    if failure is not None:
        raise OutputError(f"cannot be written: {_without_sql(failure)}") from failure


def _without_sql(failure: Exception) -> str:
    """What GDAL says, in one line: it quotes the commands that failed, which may be pages long."""
    return SQL.sub("", str(failure)).splitlines()[0]


def read_provenance(path: Path) -> str | None:
    """The record of what made a file's first layer with geometry, if it has one.

    Raises:
        DataError: if GDAL cannot open the file.
    """
    try:
        names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        metadata = pyogrio.read_info(path, layer=names[0])["layer_metadata"] if names else None
    except (DataSourceError, DataLayerError) as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from error
    found = (metadata or {}).get(PROVENANCE)
    return None if found is None else str(found)


class _Source:
    """Batches for GDAL, and what they raised: its C interface knows only of failure."""

    geometry_name = "geom"

    def __init__(self, table: FeatureTable, multi: bool) -> None:
        wkb = pa.field(
            self.geometry_name, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"}
        )
        self.schema = table.schema.append(wkb)
        self.error: BaseException | None = None
        self._table = table
        self._multi = multi

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for attributes, geometry in self._table.batches:
                shapes = multipolygons(geometry) if self._multi else geometry
                wkb = pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary())
                yield pa.RecordBatch.from_arrays([*attributes.columns, wkb], schema=self.schema)
        except BaseException as error:
            self.error = error
            raise
