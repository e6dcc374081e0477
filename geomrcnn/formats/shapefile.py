"""Shapefile: several files and old limits, for programs that read nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from geomrcnn.errors import OutputError
from geomrcnn.formats import gdal
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import Batch, FeatureTable

COMPANIONS = (
    *(".shx", ".dbf", ".prj", ".cpg"),
    *(".qix", ".sbn", ".sbx", ".idm", ".ind", ".fix", ".qpj"),
)
"""Endings of the files that belong to one named .shp: GDAL's, and other programs' indexes."""

LONGEST_NAME = 10
LONGEST_TEXT = 254


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features as a new Shapefile in their own CRS. There is no place for the provenance.

    Raises:
        OutputError: if they do not fit: a column's name is longer than 10 characters, a text
            longer than 254 bytes, or a file larger than 2 GB; or if GDAL cannot.
    """
    if long := [name for name in table.schema.names if len(name) > LONGEST_NAME]:
        raise OutputError(
            f"a Shapefile's columns have names of at most {LONGEST_NAME} characters, not "
            f"'{long[0]}'; write .gpkg"
        )
    gdal.write(
        table._replace(batches=_checked(table.batches)),
        path,
        driver="ESRI Shapefile",
        layer=layer,
        geometry_type="Polygon",  # its only type: one ring or many
        layer_options={"ENCODING": "UTF-8", "2GB_LIMIT": "YES"},
    )


def _checked(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Pass on batches whose texts fit."""
    for batch in batches:
        texts = [field.name for field in batch.attributes.schema if pa.types.is_string(field.type)]
        for name in texts:
            longest = pc.max(pc.binary_length(batch.attributes[name])).as_py() or 0
            if longest > LONGEST_TEXT:
                raise OutputError(
                    f"a Shapefile's texts have at most {LONGEST_TEXT} bytes; one in '{name}' has "
                    f"{longest}; write .gpkg"
                )
        yield batch
