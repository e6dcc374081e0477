"""GeoPackage: one SQLite file with CRS, types and a spatial index."""

from __future__ import annotations

from pathlib import Path

from geomrcnn.formats import gdal
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable

read_provenance = gdal.read_provenance


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features as a new GeoPackage in their own CRS.

    Raises:
        OutputError: if GDAL cannot, in its words.
    """
    gdal.write(
        table,
        path,
        driver="GPKG",
        layer=layer,
        metadata=provenance,
        # GDAL before 3.10, as in many a QGIS, warns about the 1.4 that newer ones write.
        dataset_options={"VERSION": "1.3"},
    )
