"""Writing features in the format that the path's suffix names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from geopandas import GeoDataFrame
from pyogrio.errors import DataLayerError, DataSourceError

from geomrcnn.errors import OutputError
from geomrcnn.formats import geojson, geopackage
from geomrcnn.formats.destination import check_destination, written_beside
from geomrcnn.formats.schema import conform

WriteFeatures = Callable[[GeoDataFrame, Path, str], None]

WRITERS: Mapping[str, WriteFeatures] = {
    ".gpkg": geopackage.write,
    ".geojson": geojson.write,
    ".json": geojson.write,
}
"""What writes (features that conform to the schema, path, name of the layer), by suffix."""


def check_output(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Find out, before the work begins, whether features can be written to a path.

    Raises:
        OutputError: if no format has that suffix, the folder is missing or not writable, or the
            path is taken and `overwrite` is False.
    """
    _writer(Path(path))
    check_destination(path, overwrite)


def write_features(
    frame: GeoDataFrame,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    layer: str | None = None,
) -> None:
    """Write features as a new file, which appears complete or not at all.

    Args:
        frame: Polygons with the columns of `geomrcnn.formats.schema.COLUMNS`, and any others.
        path: .gpkg, .geojson or .json.
        overwrite: Whether to replace an existing file.
        layer: Name of the layer; the file's name by default.

    Raises:
        OutputError: if that is not possible, saying why.
    """
    path = Path(path)
    check_output(path, overwrite)
    features = conform(frame)
    with written_beside(path) as partial, warnings.catch_warnings():
        # Features of a raster that is not georeferenced have pixel coordinates, and no CRS.
        warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
        try:
            _writer(path)(features, partial, layer or path.stem)
        except (DataSourceError, DataLayerError) as error:
            reason = str(error).splitlines()[0]
            raise OutputError(f"{path}: cannot be written: {reason}") from error


def _writer(path: Path) -> WriteFeatures:
    """The writer for a path.

    Raises:
        OutputError: if there is none.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        found = f"'{path.suffix}'" if path.suffix else "a name without a suffix"
        raise OutputError(f"{path}: no format for {found}; use one of {', '.join(WRITERS)}")
    return WRITERS[suffix]
