"""A raster as the rest of the package sees it: pixels of a chosen size, and their validity."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from geomrcnn.errors import RasterError
from geomrcnn.raster.ground import GroundStep, ground_step, scaled
from geomrcnn.raster.opening import open_dataset, reading
from geomrcnn.raster.resampling import Axis, resample
from geomrcnn.raster.tile import Window
from geomrcnn.raster.validity import alpha_band, image_bands, read_validity

CLOSE_ENOUGH = 0.01
"""A raster whose pixels are this near the wanted size, relatively, is not resampled."""

LARGEST_SIDE = 2**31 - 1
"""Columns or rows: no raster format holds more."""

STRIP = 2**22
"""Pixels of the file that are read and resampled at once, or one row if that has more."""


def open_raster(
    path: str | os.PathLike[str], *, gsd: float | None = None, bands: Sequence[int] | None = None
) -> RasterSource:
    """Open a raster, to be read at a ground sample distance.

    Args:
        path: Whatever GDAL opens: a file, a VRT, a /vsi path, an URL.
        gsd: Metres on the ground that a pixel shall measure, across and down. None keeps the
            raster's own pixels; so does a raster that is not georeferenced, or fits within 1 %.
        bands: Numbers from 1 of the bands to read, in that order; None is all but alpha.

    Raises:
        RasterError: if the path is no readable raster, or has no such bands, or `gsd` is not
            a positive number.
    """
    if gsd is not None and not (gsd > 0 and math.isfinite(gsd)):
        raise RasterError(f"the ground sample distance must be positive metres, not {gsd}")
    dataset = open_dataset(os.fspath(path))
    try:
        return RasterSource(dataset, gsd, bands)
    except BaseException:
        dataset.close()
        raise


class RasterSource:
    """An open raster; a context manager that closes it. Made by `open_raster`.

    Not to be shared by threads or processes: each opens its own.

    Attributes:
        path: As it was given.
        width: Columns at the GSD.
        height: Rows at the GSD.
        transform: From pixels at the GSD to map coordinates, the identity if the file has none.
        crs: The CRS of the map coordinates, None if the raster is not georeferenced.
        native_gsd: Metres on the ground between pixels of the file, at its centre, the mean of
            across and down; None if the raster is not tied to the ground.
        gsd: The same of the pixels that are read.
        bands: Numbers from 1 of the bands that are read.
        dtype: NumPy dtype name of the pixels.
        band_names: Per band its description, or the colour it stands for; lower case. Without
            either it is "band 5".
    """

    def __init__(
        self, dataset: DatasetReader, gsd: float | None, bands: Sequence[int] | None
    ) -> None:
        """Take over an open dataset; see `open_raster` for the arguments."""
        self.path: str = dataset.name
        self._dataset = dataset
        self.bands = tuple(_select_bands(dataset, bands))
        georeferenced = bool(dataset.crs) and not dataset.transform.is_identity
        self.crs: CRS | None = dataset.crs if georeferenced else None
        step = _step(dataset) if georeferenced else None
        self._step = step or GroundStep(1.0, 1.0)
        column, row = _scale(step, gsd)
        self._columns, self._rows = Axis(dataset.width, column), Axis(dataset.height, row)
        self._native = column == row == 1.0
        self.width, self.height = self._columns.cells, self._rows.cells
        if max(self.width, self.height) > LARGEST_SIDE:
            raise RasterError(
                f"{self.path}: would have {self.width} × {self.height} pixels of {gsd} m; "
                "ask for a larger ground sample distance"
            )
        self.transform = scaled(dataset.transform, column, row)
        self.native_gsd = (step.column + step.row) / 2 if step else None
        self.gsd = self.native_gsd if self._native else gsd
        self.dtype = _common_dtype(dataset, self.bands)
        self.band_names = tuple(_band_name(dataset, band) for band in self.bands)

    @property
    def count(self) -> int:
        """Number of bands that are read."""
        return len(self.bands)

    @property
    def has_crs(self) -> bool:
        """Whether pixels have a place on the map."""
        return self.crs is not None

    def read(self, window: Window) -> tuple[np.ndarray, npt.NDArray[np.bool_]]:
        """Read a window, which may reach beyond the raster.

        A pixel is valid where no alpha band, mask or nodata value says otherwise (nodata: in
        every band at once) and no band is NaN or infinite. Pixels that are not valid are 0.

        Returns:
            Pixels [height, width, bands] in the raster's dtype, and validity [height, width].

        Raises:
            RasterError: if the data are damaged.
        """
        pixels = np.zeros((window.height, window.width, self.count), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        left, right = _clip(window.column, window.width, self.width)
        top, bottom = _clip(window.row, window.height, self.height)
        if left >= right:
            return pixels, valid
        across = slice(left - window.column, right - window.column)
        for start, stop in self._strips(top, bottom, right - left):
            down = slice(start - window.row, stop - window.row)
            pixels[down, across], valid[down, across] = self._read(left, start, right, stop)
        return pixels, valid

    def thumbnail(self, max_side: int) -> tuple[np.ndarray, npt.NDArray[np.bool_], Affine]:
        """Read the whole raster small, through its overviews; square pixels on the ground.

        Args:
            max_side: Pixels of the longer side at most; a smaller raster keeps its size.

        Returns:
            Pixels [height, width, bands], validity [height, width], and the transform from these
            pixels to map coordinates.

        Raises:
            RasterError: if the data are damaged.
        """
        dataset, step = self._dataset, self._step
        if max(step) - min(step) <= CLOSE_ENOUGH * max(step):
            step = GroundStep(1.0, 1.0)
        across = dataset.width * step.column / max(step)
        down = dataset.height * step.row / max(step)
        shrink = max(1.0, across / max_side, down / max_side)
        height, width = max(1, round(down / shrink)), max(1, round(across / shrink))
        with reading(f"{self.path}: the raster as a whole"):
            pixels, valid = self._read_file(
                out_shape=(height, width), resampling=Resampling.average
            )
        transform = scaled(dataset.transform, dataset.width / width, dataset.height / height)
        return pixels, valid, transform

    def close(self) -> None:
        """Close the file."""
        self._dataset.close()

    def __enter__(self) -> RasterSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _strips(self, top: int, bottom: int, width: int) -> Iterator[tuple[int, int]]:
        """Cut rows [top, bottom) so that a strip takes little memory whatever the GSD."""
        pixels_a_row = width * max(1.0, self._columns.scale) * max(1.0, self._rows.scale)
        rows = max(1, int(STRIP / pixels_a_row))
        for start in range(top, bottom, rows):
            yield start, min(start + rows, bottom)

    def _read(
        self, left: int, top: int, right: int, bottom: int
    ) -> tuple[np.ndarray, npt.NDArray[np.bool_]]:
        """Read [top, bottom) × [left, right), inside the raster, at the GSD."""
        first_row, last_row = self._rows.reach(top, bottom)
        first_column, last_column = self._columns.reach(left, right)
        window = RasterioWindow(
            first_column, first_row, last_column - first_column, last_row - first_row
        )
        place = f"rows {first_row} to {last_row}, columns {first_column} to {last_column}"
        with reading(f"{self.path}: {place}"):
            pixels, valid = self._read_file(window=window)
        if self._native:
            return pixels, valid
        return resample(
            pixels, valid, self._rows.weights(top, bottom), self._columns.weights(left, right)
        )

    def _read_file(
        self, resampling: Resampling = Resampling.nearest, **where: Any
    ) -> tuple[np.ndarray, npt.NDArray[np.bool_]]:
        """Pixels [height, width, bands], 0 where not valid, and validity [height, width]."""
        pixels = self._dataset.read(
            list(self.bands), out_dtype=self.dtype, resampling=resampling, **where
        )
        valid = read_validity(self._dataset, **where)
        if pixels.dtype.kind == "f":
            valid &= np.isfinite(pixels).all(axis=0)
        return np.where(valid[..., None], np.moveaxis(pixels, 0, -1), 0), valid


def _clip(start: int, length: int, size: int) -> tuple[int, int]:
    """The part of [start, start + length) within [0, size)."""
    return max(start, 0), min(start + length, size)


def _step(dataset: DatasetReader) -> GroundStep | None:
    return ground_step(dataset.transform, dataset.crs, dataset.width, dataset.height)


def _scale(step: GroundStep | None, gsd: float | None) -> tuple[float, float]:
    """How many of the file's columns, and rows, make one of the wanted pixels."""
    if step is None or gsd is None:
        return 1.0, 1.0
    column, row = gsd / step.column, gsd / step.row
    if max(abs(column - 1), abs(row - 1)) <= CLOSE_ENOUGH:
        return 1.0, 1.0
    return column, row


def _select_bands(dataset: DatasetReader, wanted: Sequence[int] | None) -> list[int]:
    """Check the wanted bands, or take all but alpha.

    Raises:
        RasterError: if a band does not exist, or is alpha, or none is left.
    """
    available = image_bands(dataset)
    if not available:
        raise RasterError(f"{dataset.name}: has an alpha band only, no imagery")
    if wanted is None:
        return available
    if not wanted:
        raise RasterError(f"{dataset.name}: no bands to read were named")
    for band in wanted:
        if band == alpha_band(dataset):
            raise RasterError(
                f"{dataset.name}: band {band} is alpha; if it holds imagery, say so in the file: "
                f"gdal_edit.py -colorinterp_{band} undefined {dataset.name}"
            )
        if band not in available:
            raise RasterError(
                f"{dataset.name}: has no band {band}, its bands are 1 to {dataset.count}"
            )
    return list(wanted)


def _common_dtype(dataset: DatasetReader, bands: Sequence[int]) -> str:
    """The dtype that holds the values of all bands.

    Raises:
        RasterError: if a band holds complex numbers.
    """
    names = [dataset.dtypes[band - 1] for band in bands]
    for band, name in zip(bands, names, strict=True):
        if name.startswith("complex"):
            raise RasterError(f"{dataset.name}: band {band} holds complex numbers, not an image")
    return str(np.result_type(*names))


def _band_name(dataset: DatasetReader, band: int) -> str:
    """A band's description, or its colour, or else "band 5"."""
    if description := dataset.descriptions[band - 1]:
        return str(description).lower()
    colour = dataset.colorinterp[band - 1]
    # GDAL calls the first band of a file without colours "gray", whatever it holds.
    silent = {ColorInterp.undefined, *([ColorInterp.gray] if len(image_bands(dataset)) > 1 else [])}
    return f"band {band}" if colour in silent else str(colour.name)
