"""The formats of files, by the ending of the name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from geomrcnn.errors import OutputError
from geomrcnn.formats import (
    coco,
    flatgeobuf,
    geojson,
    geojsonseq,
    geopackage,
    geoparquet,
    shapefile,
)
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable


class Format(NamedTuple):
    """What is particular to a format.

    Attributes:
        write: Writes features, in a new folder: (features, path, name of the layer, provenance).
        read_provenance: Gives the record of what made a file, as JSON, or None if it has none;
            None instead if the format has no place for it.
        styled: Whether QGIS looks for a style beside a file.
        companions: Endings of the files that make up one together with the file itself.
    """

    write: Callable[[FeatureTable, Path, str, Provenance | None], None]
    read_provenance: Callable[[Path], str | None] | None
    styled: bool = True
    companions: tuple[str, ...] = ()


_PARQUET = Format(geoparquet.write, geoparquet.read_provenance)
_GEOJSON = Format(geojson.write, geojson.read_provenance)
_SEQUENCE = Format(geojsonseq.write, None)

FORMATS: Mapping[str, Format] = {
    ".gpkg": Format(geopackage.write, geopackage.read_provenance),
    ".parquet": _PARQUET,
    ".geoparquet": _PARQUET,
    ".fgb": Format(flatgeobuf.write, flatgeobuf.read_provenance),
    ".geojson": _GEOJSON,
    ".json": _GEOJSON,
    ".geojsonl": _SEQUENCE,
    ".geojsons": _SEQUENCE,
    ".ndjson": _SEQUENCE,
    ".shp": Format(shapefile.write, None, companions=shapefile.COMPANIONS),
    ".coco.json": Format(coco.write, coco.read_provenance, styled=False),
}
"""By the ending of the name, in small letters."""


def format_of(path: Path) -> Format:
    """The format that a file's name asks for.

    Raises:
        OutputError: if there is none.
    """
    name = path.name.lower()
    fitting = [ending for ending in FORMATS if name.endswith(ending)]
    if not fitting:
        found = f"'{path.suffix}'" if path.suffix else "a name without a suffix"
        raise OutputError(
            f"{path}: no format for {found}; use one of {', '.join(FORMATS)}, or postgresql://"
        )
    return FORMATS[max(fitting, key=len)]


def companions(path: Path) -> tuple[Path, ...]:
    """The files that belong to one at `path`, whether or not they are there; never its style."""
    form = format_of(path)
    record = () if form.read_provenance else (record_beside(path),)
    return (*record, *(path.with_suffix(ending) for ending in form.companions))


def record_beside(path: Path) -> Path:
    """Where the record of what made a file is, if its format has no place for it."""
    return path.with_name(f"{path.name}.provenance.json")


def style_beside(path: Path) -> Path:
    """Where QGIS looks for the style of a file."""
    return path.with_suffix(".qml")
