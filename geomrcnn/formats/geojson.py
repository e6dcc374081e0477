"""GeoJSON as RFC 7946 has it: longitude and latitude in WGS 84, outer rings anticlockwise."""

from __future__ import annotations

import json
from pathlib import Path

from geomrcnn.errors import OutputError
from geomrcnn.formats import gdal
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable

# A degree has 111 km: the eighth digit is a millimetre, where the driver's seven could bend a
# 5 cm pixel.
PRECISION = {"COORDINATE_PRECISION": "8"}


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features as a FeatureCollection, with what made them as its member "geomrcnn".

    Raises:
        OutputError: if the features have no CRS, and so no longitude and latitude, or GDAL cannot.
    """
    check_georeferenced(table)
    # With RFC7946 the driver reprojects, and cuts at the antimeridian.
    options = {"RFC7946": "YES", **PRECISION}
    if provenance is not None:
        # The way to tell the driver of members that a FeatureCollection shall have besides its own.
        collection = {"type": "FeatureCollection", gdal.PROVENANCE: provenance.to_dict()}
        options["NATIVE_MEDIA_TYPE"] = "application/vnd.geo+json"
        options["NATIVE_DATA"] = json.dumps(collection)
    gdal.write(
        table, path, driver="GeoJSON", layer=layer, geometry_type="Unknown", layer_options=options
    )


def check_georeferenced(table: FeatureTable) -> None:
    """Refuse features without a CRS.

    Raises:
        OutputError: they are.
    """
    if table.crs is None:
        raise OutputError(
            "GeoJSON needs a georeferenced raster; write .gpkg to keep pixel coordinates"
        )


def read_provenance(path: Path) -> str | None:
    """The member "geomrcnn", if there is one: it stands before the features, so not all is read."""
    decoder = json.JSONDecoder()
    mark = f'"{gdal.PROVENANCE}":'
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith('"features"'):
                return None
            if line.startswith(mark):
                value, _ = decoder.raw_decode(line, len(mark) + 1)
                return json.dumps(value)
    return None
