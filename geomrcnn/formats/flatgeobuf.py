"""FlatGeobuf: one file with a spatial index, made to be read over the network."""

from __future__ import annotations

from pathlib import Path

from geomrcnn.formats import gdal
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable

read_provenance = gdal.read_provenance


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features as a new FlatGeobuf in their own CRS.

    The driver orders the features by place. To do so it keeps some 80 bytes of each in memory, and
    goes through up to 100 MB of them at once.

    Raises:
        OutputError: if GDAL cannot, in its words.
    """
    gdal.write(table, path, driver="FlatGeobuf", layer=layer, metadata=provenance)
