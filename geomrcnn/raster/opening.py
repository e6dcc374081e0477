"""Opening rasters, and saying in one line why one cannot be opened or read."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError

GDAL_OPTIONS = {
    # Look for side files (.tfw, .msk, .ovr) by name; never list a folder or bucket of thousands.
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
}
"""How GDAL reads, unless the user's environment says otherwise."""

# "s3://", "zip+https://", "GPKG:", "NETCDF:"; one letter alone is a drive of Windows.
_NOT_A_PLAIN_FILE = re.compile(r"/vsi|[A-Za-z][A-Za-z0-9+.-]+:")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Run GDAL calls with our options, and turn their failures into a RasterError.

    Args:
        what: What fails if they do, for the message: "ortho.tif: rows 0 to 512".

    Raises:
        RasterError: with GDAL's own words after `what`.
    """
    try:
        with _environment(), warnings.catch_warnings():
            # That nodata hides alpha is known, and mended, in `validity`.
            warnings.simplefilter("ignore", NodataShadowWarning)
            yield
    except RasterioError as error:
        # "Read failed. See previous exception for details.": the reason is in the cause.
        reason = str(error.__cause__ or error).splitlines()[0]
        raise RasterError(f"{what} cannot be read: {reason}") from error


def open_dataset(path: str) -> DatasetReader:
    """Open anything GDAL reads: a file, a VRT, a /vsi path, an URL.

    Raises:
        RasterError: if that is not possible, saying why.
    """
    try:
        with _environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path)
    except RasterioError as error:
        raise RasterError(f"{path}: {_why_unopened(path, error)}") from error
    if problem := _why_unusable(path, dataset):
        dataset.close()
        raise RasterError(f"{path}: {problem}")
    return dataset


def _environment() -> rasterio.Env:
    return rasterio.Env(**{key: to for key, to in GDAL_OPTIONS.items() if key not in os.environ})


def _why_unopened(path: str, error: Exception) -> str:
    """The likeliest reason why GDAL refuses a path."""
    if _NOT_A_PLAIN_FILE.match(path):
        return f"GDAL cannot open it: {str(error).splitlines()[0]}"
    file = Path(path)
    if not file.exists():
        return "no such file"
    if file.is_dir():
        return "a folder, not a raster"
    if not os.access(file, os.R_OK):
        return "no permission to read it"
    return "not a raster GDAL can read"


def _why_unusable(path: str, dataset: DatasetReader) -> str | None:
    """Why an open dataset is no image on a grid, if so."""
    if dataset.count == 0:
        parts = dataset.subdatasets
        return f"holds several rasters, name one, such as {parts[0]}" if parts else "has no bands"
    if dataset.gcps[0] and dataset.transform.is_identity:
        return f"placed by control points only; warp it first: gdalwarp {path} warped.tif"
    return None
