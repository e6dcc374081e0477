"""GeoJSON text sequences: a feature a line, in longitude and latitude; made to be streamed."""

from __future__ import annotations

from pathlib import Path

from geomrcnn.formats import gdal
from geomrcnn.formats.geojson import PRECISION, check_georeferenced
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features a line each; in a file named .geojsons, after RFC 8142's separator.

    There is no place for the provenance.

    Raises:
        OutputError: if the features have no CRS, and so no longitude and latitude, or GDAL cannot.
    """
    check_georeferenced(table)
    separated = "YES" if path.suffix.lower() == ".geojsons" else "NO"
    gdal.write(
        table,
        path,
        driver="GeoJSONSeq",
        layer=layer,
        geometry_type="Unknown",
        layer_options={"RS": separated, **PRECISION},
    )
