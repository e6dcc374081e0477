"""GeoPackage: one SQLite file with CRS, types, a spatial index and a style."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from geomrcnn.errors import OutputError
from geomrcnn.formats import gdal
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable
from geomrcnn.formats.style import qml

read_provenance = gdal.read_provenance

_STYLES = """
    CREATE TABLE layer_styles (
        id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
        f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
        f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
        useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
        update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    );
    INSERT INTO gpkg_contents (table_name, data_type, identifier)
        VALUES ('layer_styles', 'attributes', 'layer_styles');
"""
"""The table where QGIS looks for styles, as it makes it itself."""

_STYLE = """
    INSERT INTO layer_styles (
        f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,
        styleSLD, useAsDefault, description, owner
    ) VALUES ('', '', ?, 'geom', 'classes', ?, '', 1, 'A colour a class', '')
"""


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
    if provenance is not None:
        _add_style(path, layer, qml(provenance.classes))


def _add_style(path: Path, layer: str, style: str) -> None:
    try:
        with closing(sqlite3.connect(path)) as database, database:
            database.executescript(_STYLES)
            database.execute(_STYLE, (layer, style))
    except sqlite3.Error as error:
        raise OutputError(f"cannot be written: {error}") from error
