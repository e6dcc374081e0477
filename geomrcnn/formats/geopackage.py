"""GeoPackage: one SQLite file with CRS, types and a spatial index."""

from __future__ import annotations

from pathlib import Path

import pyogrio
from geopandas import GeoDataFrame

from geomrcnn.formats.schema import geometry_type


def write(frame: GeoDataFrame, path: Path, layer: str) -> None:
    """Write conforming features as a new GeoPackage in the frame's own CRS."""
    pyogrio.write_dataframe(
        frame,
        path,
        driver="GPKG",
        layer=layer,
        geometry_type=geometry_type(frame),
        # GDAL before 3.10, as in many a QGIS, warns about the 1.4 that newer ones write.
        dataset_options={"VERSION": "1.3"},
    )
