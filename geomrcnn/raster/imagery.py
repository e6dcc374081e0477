"""The bands of a file as imagery: without alpha, palettes as colours, values in their units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError
from geomrcnn.raster.validity import Validity, alpha_band, image_bands

Pixels = tuple[np.ndarray, npt.NDArray[np.bool_]]
"""Values [height, width, bands], 0 where not valid, and validity [height, width]."""

COLOURS = ("red", "green", "blue")


class Moments(NamedTuple):
    """Mean and standard deviation of a band, as tags tell them."""

    mean: float
    std: float


class Imagery:
    """What an open dataset shows.

    A single band with a palette is three, red, green and blue, of bytes.

    Attributes:
        name: What messages call the file.
        bands: Numbers from 1 of the bands that are read.
        band_names: Per band its description, or the colour it stands for; lower case. Without
            either it is "band 5".
        dtype: NumPy dtype name of what is read.
        stored_dtype: Of what the file holds.
        in_units: Whether the scale and offset tags are applied.
    """

    def __init__(
        self,
        dataset: DatasetReader,
        name: str,
        bands: Sequence[int] | None,
        *,
        indices: bool = False,
        in_units: bool = False,
    ) -> None:
        """Look at a dataset.

        Args:
            dataset: Open.
            name: What messages call it.
            bands: Numbers from 1 of the bands to read; None is all but alpha.
            indices: Whether to read a palette's indices, not its colours.
            in_units: Whether to apply scale and offset tags, where there are any.

        Raises:
            RasterError: there are no such bands, or they are complex numbers.
        """
        self.name = name
        self._validity = Validity(dataset)
        self._palette = None if indices else _palette(dataset)
        self.bands = tuple(_select_bands(dataset, name, bands, self._palette is not None))
        self.stored_dtype = "uint8" if self._palette is not None else self._common_dtype(dataset)
        self.band_names = tuple(self._band_name(dataset, band) for band in self.bands)
        self._units = self._scale_and_offset(dataset)
        self.has_units = self._units is not None
        if not in_units:
            self._units = None
        self.dtype = self.stored_dtype if self._units is None else "float32"

    def read(
        self,
        dataset: DatasetReader,
        *,
        resampling: Resampling = Resampling.nearest,
        mask_from: DatasetReader | None = None,
        **where: Any,
    ) -> Pixels:
        """Read a part of the dataset, or of an overview of it.

        Args:
            dataset: The file, or one of its overviews.
            resampling: How `out_shape` is reached.
            mask_from: The file, if `dataset` is an overview.
            where: `window` and `out_shape` [height, width], as rasterio's `read` takes them.
        """
        valid = self._validity.read(dataset, mask_from, **where)
        if self._palette is not None:
            # Between the indices of two colours lies any third: no average of them.
            indices = dataset.read(1, **where).clip(0, len(self._palette) - 1)
            colours = self._palette[indices]
            valid &= colours[..., 3] > 0
            pixels = colours[..., [band - 1 for band in self.bands]]
        else:
            # GDAL can put the bands of a pixel side by side more quickly than NumPy.
            pixels = np.empty((*valid.shape, len(self.bands)), self.stored_dtype)
            dataset.read(
                list(self.bands),
                window=where["window"],
                out=np.moveaxis(pixels, -1, 0),
                resampling=resampling,
            )
            if pixels.dtype.kind == "f":
                valid &= np.isfinite(pixels).all(axis=-1)
        if self._units is not None:
            scale, offset = self._units
            pixels = (pixels * scale + offset).astype(self.dtype)
        if not valid.all():
            pixels[~valid] = 0
        return pixels.astype(self.dtype, copy=False), valid

    def moments(self, dataset: DatasetReader) -> list[Moments] | None:
        """What the file's statistics tags say of each band; None if one says nothing."""
        if self._palette is not None:
            return None
        scale, offset = self._units or (np.ones(len(self.bands)), np.zeros(len(self.bands)))
        found = []
        for band, factor, start in zip(self.bands, scale, offset, strict=True):
            tags = dataset.tags(band)
            try:
                mean, std = (float(tags[f"STATISTICS_{what}"]) for what in ("MEAN", "STDDEV"))
            except (KeyError, ValueError):
                return None
            if not (math.isfinite(mean) and math.isfinite(std)):
                return None
            found.append(Moments(mean * factor + start, std * abs(factor)))
        return found

    def _common_dtype(self, dataset: DatasetReader) -> str:
        """The dtype that holds the values of all bands.

        Raises:
            RasterError: if a band holds complex numbers.
        """
        names = [dataset.dtypes[band - 1] for band in self.bands]
        for band, name in zip(self.bands, names, strict=True):
            if name.startswith("complex"):
                raise RasterError(f"{self.name}: band {band} holds complex numbers, not an image")
        return str(np.result_type(*names))

    def _band_name(self, dataset: DatasetReader, band: int) -> str:
        """A band's description, or its colour, or else "band 5"."""
        if self._palette is not None:
            return COLOURS[band - 1]
        if description := dataset.descriptions[band - 1]:
            return str(description).lower()
        colour = dataset.colorinterp[band - 1]
        # GDAL calls the first band of a file without colours "gray", whatever it holds.
        alone = len(image_bands(dataset)) == 1
        silent = {ColorInterp.undefined, *([] if alone else [ColorInterp.gray])}
        return f"band {band}" if colour in silent else str(colour.name)

    def _scale_and_offset(self, dataset: DatasetReader) -> tuple[np.ndarray, np.ndarray] | None:
        """Per band what stored values are multiplied with, and what is added; None if nothing."""
        if self._palette is not None:
            return None
        chosen = [band - 1 for band in self.bands]
        scale, offset = np.array(dataset.scales)[chosen], np.array(dataset.offsets)[chosen]
        if not (np.isfinite(scale).all() and np.isfinite(offset).all() and scale.all()):
            return None
        return None if (scale == 1).all() and (offset == 0).all() else (scale, offset)


def _palette(dataset: DatasetReader) -> npt.NDArray[np.uint8] | None:
    """Red, green, blue and opacity of each index, if the only band is one of indices."""
    first = image_bands(dataset)[:1]
    if first != [1] or len(image_bands(dataset)) > 1 or dataset.dtypes[0] not in INDEX_TYPES:
        return None
    if dataset.colorinterp[0] != ColorInterp.palette:
        return None
    try:
        colours = dataset.colormap(1)
    except ValueError:  # none after all
        return None
    # Indices beyond the palette have the last row: nothing.
    table = np.zeros((max(colours) + 2, 4), np.uint8)
    for index, colour in colours.items():
        table[index] = colour
    return table


INDEX_TYPES = ("uint8", "uint16")


def _select_bands(
    dataset: DatasetReader, name: str, wanted: Sequence[int] | None, palette: bool
) -> list[int]:
    """Check the wanted bands, or take all but alpha.

    Raises:
        RasterError: if a band does not exist, or is alpha, or none is left.
    """
    available = [1, 2, 3] if palette else image_bands(dataset)
    if not available:
        raise RasterError(f"{name}: has an alpha band only, no imagery")
    if wanted is None:
        return available
    if not wanted:
        raise RasterError(f"{name}: no bands to read were named")
    for band in wanted:
        if band == alpha_band(dataset) and not palette:
            raise RasterError(
                f"{name}: band {band} is alpha; if it holds imagery, say so in the file: "
                f"gdal_edit.py -colorinterp_{band} undefined {name}"
            )
        if band not in available:
            raise RasterError(
                f"{name}: has no band {band}, its bands are 1 to {max(*available, dataset.count)}"
            )
    return list(wanted)
