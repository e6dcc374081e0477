"""Opening rasters, and saying in one line why one cannot be opened or read."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError  # what rasterio lets through of GDAL's, as no other
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.raster.redaction import redacted

CACHE = 256 * 2**20
"""Bytes of decoded blocks that GDAL keeps; left alone it would take 5 % of the memory."""

GDAL_OPTIONS: dict[str, Any] = {
    # Look for side files (.tfw, .msk, .ovr) by name; never list a folder or bucket of thousands.
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_CACHEMAX": CACHE,
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_RETRY_CODES": "429,500,502,503,504",
    "GDAL_HTTP_CONNECTTIMEOUT": "20",
    # Give up on a server that has sent nothing for so many seconds.
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
}
"""How GDAL reads, unless the user's environment says otherwise."""

LARGEST_BLOCK = 2**29
"""Bytes: what is stored in larger pieces cannot be read tile by tile."""

# "s3://", "zip+https://", "GPKG:", "NETCDF:"; one letter alone is a drive of Windows.
_NOT_A_PLAIN_FILE = re.compile(r"/vsi|<|[A-Za-z][A-Za-z0-9+.-]+:")

_FAILURES = (RasterioError, CPLE_BaseError, ValueError, OverflowError, MemoryError)
"""What rasterio raises for files that are not what they say; text that is no UTF-8 is a
ValueError."""

# Nothing was answered, or the answer was that we may not ask.
_OUT_OF_REACH = re.compile(r"(?:status code: |response code: ?|HTTP )(?:0|401|403)\b|CURL error")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Run GDAL calls with our options, and turn their failures into a RasterError.

    Args:
        what: What fails if they do, for the message: "ortho.tif: rows 0 to 512".

    Raises:
        RasterLostError: a server does not answer, or does not let us in.
        RasterError: with GDAL's own words after `what`.
    """
    try:
        with gdal_environment(), warnings.catch_warnings():
            # That nodata hides alpha is known, and mended, in `validity`.
            warnings.simplefilter("ignore", NodataShadowWarning)
            yield
    except _FAILURES as error:
        # "Read failed. See previous exception for details.": the reason is in the cause.
        words = str(error.__cause__ or error) or type(error).__name__
        kind = RasterLostError if _OUT_OF_REACH.search(words) else RasterError
        raise kind(f"{redacted(what)} cannot be read: {_in_one_line(words)}") from error


def open_dataset(path: str, name: str | None = None, **options: Any) -> DatasetReader:
    """Open anything GDAL reads: a file, a VRT, a /vsi path, an URL.

    Args:
        path: What GDAL is given.
        name: What messages call it, if not by its path.
        options: Open options of GDAL.

    Raises:
        RasterError: if that is not possible, saying why.
    """
    shown = redacted(name or path)
    try:
        with gdal_environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path, **options)
    except _FAILURES as error:
        raise RasterError(f"{shown}: {_why_unopened(path, error)}") from error
    try:
        problem = _why_unusable(shown, dataset)
    except _FAILURES as error:
        problem = f"cannot be read: {_in_one_line(str(error))}"
    if problem:
        dataset.close()
        raise RasterError(f"{shown}: {problem}")
    return dataset


def gdal_environment() -> rasterio.Env:
    """Our options for GDAL, but for what the user's environment decides."""
    return rasterio.Env(**{key: to for key, to in GDAL_OPTIONS.items() if key not in os.environ})


def is_plain_file(path: str) -> bool:
    """Whether a path is one of the file system, and none that GDAL alone understands."""
    return not _NOT_A_PLAIN_FILE.match(path)


def _in_one_line(words: str) -> str:
    """GDAL's words without their second line, the page a server sent with its refusal, or keys."""
    if status := re.search(r"HTTP status code: (\d+), error: (.*)", words):
        code, error = status.groups()
        return redacted(error.strip() if code == "0" else f"the server answers with error {code}")
    return redacted(words.strip().splitlines()[0] if words.strip() else "no reason is known")


def _why_unopened(path: str, error: Exception) -> str:
    """The likeliest reason why GDAL refuses a path."""
    if not is_plain_file(path):
        return f"GDAL cannot open it: {_in_one_line(str(error))}"
    if not os.path.exists(path):
        return "no such file"
    if os.path.isdir(path):
        return "a folder, not a raster"
    if not os.access(path, os.R_OK):
        return "no permission to read it"
    return "not a raster GDAL can read"


def _why_unusable(shown: str, dataset: DatasetReader) -> str | None:
    """Why an open dataset is no image on a grid, if so."""
    if dataset.count == 0:
        parts = dataset.subdatasets
        return f"holds several rasters, name one, such as {parts[0]}" if parts else "has no bands"
    if dataset.transform.is_identity:
        if dataset.gcps[0]:
            return f"placed by control points only; warp it first: gdalwarp {shown} warped.tif"
        if dataset.rpcs is not None:
            return (
                "placed by a camera model (RPC) only; orthorectify it first: "
                f"gdalwarp -rpc {shown} ortho.tif"
            )
    rows, columns = dataset.block_shapes[0]
    if rows * columns * _widest(dataset) > LARGEST_BLOCK:
        return (
            f"stored in pieces of {columns} × {rows} pixels, too large to read one at a time; cut "
            f"it up first: gdal_translate -co TILED=YES {shown} tiled.tif"
        )
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    width, height = dataset.width, dataset.height
    far = a * width + b * height + c, d * width + e * height + f
    if not np.isfinite([a, b, c, d, e, f, *far]).all():
        return "its geotransform holds numbers that are none, or far too large"
    if dataset.transform.determinant == 0:
        return "its geotransform is singular: pixels have no area"
    return None


def _widest(dataset: DatasetReader) -> int:
    """Bytes of a pixel of the band that takes most."""
    names = ("complex64" if name == "complex_int16" else name for name in dataset.dtypes)
    return max(np.dtype(name).itemsize for name in names)
