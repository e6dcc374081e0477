"""Which pixels of a raster are data: nodata, alpha and masks brought to one answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader
from rasterio.windows import Window


def alpha_band(dataset: DatasetReader) -> int | None:
    """Number from 1 of the alpha band, if there is one."""
    for band, meaning in zip(dataset.indexes, dataset.colorinterp, strict=True):
        if meaning == ColorInterp.alpha:
            return int(band)
    return None


def image_bands(dataset: DatasetReader) -> list[int]:
    """Numbers from 1 of all bands but alpha."""
    alpha = alpha_band(dataset)
    return [band for band in dataset.indexes if band != alpha]


class Validity:
    """How to tell which pixels of a raster are data."""

    def __init__(self, dataset: DatasetReader) -> None:
        """Look at a raster once: what it says of itself is asked for no more.

        (After a block that cannot be read, rasterio takes GDAL's last error for that of the next
        question, and the error would spoil a sound block.)
        """
        self._bands = image_bands(dataset)
        self._alpha = alpha_band(dataset)
        self._flags = dataset.mask_flag_enums[self._bands[0] - 1] if self._bands else []
        self._nodata = dataset.nodata

    def read(
        self, dataset: DatasetReader, mask_from: DatasetReader | None = None, **where: Any
    ) -> npt.NDArray[np.bool_]:
        """Read where a raster holds data.

        GDAL lets a mask file hide nodata, and nodata hide alpha; here a pixel counts only if none
        of them speaks against it. Nodata does where all bands but alpha have that value.

        Args:
            dataset: The raster, or an overview of it.
            mask_from: The raster if `dataset` is an overview. The mask beside an image need not
                have overviews, and the overviews of the image then know of no mask.
            where: `window` and `out_shape` [height, width], as rasterio's `read` takes them.

        Returns:
            [height, width] bool.
        """
        shared = MaskFlags.per_dataset in self._flags
        if mask_from is not None and shared and MaskFlags.alpha not in self._flags:
            valid = _mask_seen_from(dataset, mask_from, self._bands[0], where["window"])
        elif MaskFlags.all_valid in self._flags:
            window = where["window"]
            valid = np.ones(where.get("out_shape", (window.height, window.width)), bool)
        else:
            masks = dataset.read_masks(self._bands[:1] if shared else self._bands, **where)
            valid = (masks > 0).any(axis=0)
        if self._alpha is not None and MaskFlags.alpha not in self._flags:
            valid &= dataset.read(self._alpha, **where) > 0
        if self._nodata is not None and MaskFlags.nodata not in self._flags:
            valid &= (dataset.read(self._bands, **where) != self._nodata).any(axis=0)
        return valid


def _mask_seen_from(
    overview: DatasetReader, raster: DatasetReader, band: int, window: Window
) -> npt.NDArray[np.bool_]:
    """A raster's mask on the pixels of an overview, through the mask's overviews if it has any."""
    across, down = raster.width / overview.width, raster.height / overview.height
    seen = Window(
        window.col_off * across, window.row_off * down, window.width * across, window.height * down
    )
    shape = (round(window.height), round(window.width))
    masks: npt.NDArray[np.uint8] = raster.read_masks(band, window=seen, out_shape=shape)
    return masks > 0
