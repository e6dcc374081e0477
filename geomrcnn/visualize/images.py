"""Raster pixels as pictures for people."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from geomrcnn.errors import OutputError

NODATA_GREY = 64


def to_rgb(pixels: np.ndarray, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Make a picture of pixels of any type.

    Bytes are shown as they are. Other values are stretched, band by band, so that 2 % of the
    valid pixels are black and 2 % full. What is not valid is dark grey.

    Args:
        pixels: [height, width, 1 or 3]; one band is shown grey.
        valid: [height, width] bool.

    Returns:
        [height, width, (red, green, blue)].
    """
    if pixels.dtype != np.uint8:
        bands = [_stretch(pixels[..., i], valid) for i in range(pixels.shape[-1])]
        pixels = np.stack(bands, axis=-1)
    picture = np.broadcast_to(pixels, (*valid.shape, 3))
    return np.where(valid[..., None], picture, np.uint8(NODATA_GREY))


def _stretch(band: np.ndarray, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Values [height, width] as bytes, from the 2nd percentile to the 98th."""
    if not valid.any():
        return np.zeros(band.shape, np.uint8)
    low, high = np.percentile(band[valid], (2, 98))
    share: np.ndarray = (band - low) / (high - low) if high > low else np.full(band.shape, 0.5)
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), np.uint8)


def write_png(picture: npt.NDArray[np.uint8], path: Path) -> None:
    """Write [height, width, (red, green, blue)] as a PNG.

    Raises:
        OutputError: if it cannot be written.
    """
    height, width, bands = picture.shape
    profile = {"driver": "PNG", "height": height, "width": width, "count": bands, "dtype": "uint8"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", **profile) as file:
                file.write(np.moveaxis(picture, -1, 0))
    except RasterioError as error:
        raise OutputError(f"{path}: cannot be written: {error}") from error
