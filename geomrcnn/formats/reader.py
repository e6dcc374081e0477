"""Reading features: labels, areas of interest, results."""

from __future__ import annotations

import os

import geopandas as gpd
import pyogrio
from geopandas import GeoDataFrame
from shapely.errors import ShapelyError

from geomrcnn.errors import DataError

_DAMAGED = (RuntimeError, ValueError, ShapelyError)
"""What broken files make pyogrio, pyproj, Arrow, Python's decoders and GEOS raise."""


def read_features(path: str | os.PathLike[str], *, layer: str | None = None) -> GeoDataFrame:
    """Read a vector layer in any format GDAL knows, or GeoParquet, which few builds of it know.

    Args:
        path: A file, a /vsi path, an URL; "file.gpkg:roofs" is its layer "roofs".
        layer: Name of the layer; by default the one that `path` names, or the file's only one.

    Returns:
        All features in the layer's own CRS.

    Raises:
        DataError: if the path is no vector file, has several layers and none was named, or the
            layer has no geometry.
    """
    path = os.fspath(path)
    if path.lower().endswith((".parquet", ".geoparquet")):
        return _read_parquet(path)
    if layer is None:
        path, layer = _file_and_layer(path)
    try:
        if layer is None:
            layer = _only_layer(path)
        frame = pyogrio.read_dataframe(path, layer=layer, on_invalid="fix")
    except _DAMAGED as error:
        raise DataError(f"{path}: {_why_unread(path, error)}") from error
    if not isinstance(frame, GeoDataFrame):
        raise DataError(f"{path}: layer '{layer}' has no geometry")
    return frame


def _read_parquet(path: str) -> GeoDataFrame:
    try:
        return gpd.read_parquet(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (*_DAMAGED, OSError, LookupError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: no GeoParquet: {reason}") from error


def _file_and_layer(path: str) -> tuple[str, str | None]:
    """Part "file.gpkg:roofs", but not "C:\\file.gpkg" or "https://host/file.gpkg"."""
    file, colon, layer = path.rpartition(":")
    is_name = bool(layer) and not {"/", "\\"} & set(layer)
    is_file = os.path.exists(file) or file.startswith("/vsi") or "://" in file
    if colon and is_name and is_file and not os.path.exists(path):
        return file, layer
    return path, None


def _only_layer(path: str) -> str:
    """The name of a file's layer with geometry.

    Raises:
        DataError: if there is none, or more than one.
    """
    layers = pyogrio.list_layers(path)
    names = [str(name) for name, kind in layers if kind is not None]
    if not names:
        raise DataError(f"{path}: has no layer with geometry")
    if len(names) > 1:
        raise DataError(
            f"{path}: has several layers ({', '.join(names)}); name one, as in {path}:{names[0]}"
        )
    return names[0]


def _why_unread(path: str, error: Exception) -> str:
    if not (os.path.exists(path) or path.startswith("/vsi") or "://" in path):
        return "no such file"
    if "layer" in str(error).lower():
        return str(error).splitlines()[0]
    return "not vector data GDAL can read"
