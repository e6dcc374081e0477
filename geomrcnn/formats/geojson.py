"""GeoJSON as RFC 7946 has it: longitude and latitude in WGS 84, outer rings anticlockwise."""

from __future__ import annotations

from pathlib import Path

import pyogrio
from geopandas import GeoDataFrame

from geomrcnn.errors import OutputError
from geomrcnn.formats.schema import geometry_type


def write(frame: GeoDataFrame, path: Path, layer: str) -> None:
    """Write conforming features as a FeatureCollection named `layer`.

    Raises:
        OutputError: if the features have no CRS, and so no longitude and latitude.
    """
    if frame.crs is None:
        raise OutputError(
            "GeoJSON needs a georeferenced raster; write .gpkg to keep pixel coordinates"
        )
    pyogrio.write_dataframe(
        frame,
        path,
        driver="GeoJSON",
        layer=layer,
        geometry_type=geometry_type(frame),
        # With RFC7946 the driver reprojects, and cuts at the antimeridian. A degree has 111 km:
        # the eighth digit is a millimetre, where the driver's seven could bend a 5 cm pixel.
        layer_options={"RFC7946": "YES", "COORDINATE_PRECISION": "8"},
    )
