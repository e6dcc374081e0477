"""A raster to read tiles from: pixels at a chosen size, and their validity."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.raster.imagery import Imagery, Moments, Pixels
from geomrcnn.raster.opening import CACHE, open_dataset, reading
from geomrcnn.raster.overviews import open_overview
from geomrcnn.raster.part import part_within
from geomrcnn.raster.placement import place
from geomrcnn.raster.presence import Presence
from geomrcnn.raster.redaction import redacted
from geomrcnn.raster.resampling import resample
from geomrcnn.raster.retries import is_service, patiently, retried
from geomrcnn.raster.scaling import Scaling
from geomrcnn.raster.tile import Window
from geomrcnn.raster.tile_service import Bounds, describe, is_template

LARGEST_SIDE = 2**31 - 1
"""Columns or rows: no raster format holds more."""

STRIP = 2**22
"""Pixels of the file that are read and resampled at once, or one row if that has more."""


def open_raster(
    path: str | os.PathLike[str],
    *,
    gsd: float | None = None,
    bands: Sequence[int] | None = None,
    scaling: Scaling | None = None,
    within: Bounds | None = None,
    in_units: bool = False,
    indices: bool = False,
) -> RasterSource:
    """Open a raster, to be read at a ground sample distance.

    Args:
        path: Whatever GDAL opens: a file, a VRT, a /vsi path, an URL; or the URL of a tile
            service with {z}, {x} and {y}.
        gsd: Metres on the ground that a pixel shall measure, across and down. None keeps the
            raster's own pixels; so does a raster that is not georeferenced, or fits within 1 %.
        bands: Numbers from 1 of the bands to read, in that order; None is all but alpha. A
            palette is three bands: red, green, blue.
        scaling: What is done to values, and the dtype they become.
        within: The part of the Earth to look at. Tile services, which cover the world, need it and
            are cut to it; other rasters are not.
        in_units: Whether scale and offset tags are applied, if there are any; values then are
            float32.
        indices: Whether a palette's indices are read as they are, not its colours.

    Raises:
        RasterError: if the path is no readable raster, or has no such bands, or `gsd` is not
            a positive number, or a service has nothing within the bounds.
    """
    if gsd is not None and not (gsd > 0 and math.isfinite(gsd)):
        raise RasterError(f"the ground sample distance must be positive metres, not {gsd}")
    given = os.fspath(path)
    connection = describe(given, gsd, within) if is_template(given) else given
    dataset = open_dataset(connection, given)
    try:
        name = redacted(given)
        with reading(name):
            imagery = Imagery(dataset, name, bands, indices=indices, in_units=in_units)
            return RasterSource(dataset, connection, imagery, gsd, scaling, within)
    except BaseException:
        dataset.close()
        raise


class RasterSource:
    """An open raster; a context manager that closes it. Made by `open_raster`.

    Not to be shared by threads or processes: each opens its own.

    Attributes:
        path: As it was given, without passwords and keys.
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
        scaling: What is done to values; None for nothing.
        has_units: Whether the file has scale or offset tags.
    """

    def __init__(
        self,
        dataset: DatasetReader,
        connection: str,
        imagery: Imagery,
        gsd: float | None,
        scaling: Scaling | None,
        within: Bounds | None,
    ) -> None:
        """Take over an open dataset; see `open_raster` for the arguments."""
        self.path = imagery.name
        self._dataset, self._connection, self._imagery = dataset, connection, imagery
        self._closing = ExitStack()
        self._closing.callback(dataset.close)
        self._presence = Presence(dataset, connection)
        self._service = is_service(dataset)
        if self._service and within is None:
            raise RasterError(
                f"{self.path}: a tile service covers the world; say where to look with --aoi, "
                "a layer that has a CRS"
            )
        self.bands, self.band_names = imagery.bands, imagery.band_names
        self.scaling, self.has_units = scaling, imagery.has_units
        self.dtype = scaling.dtype if scaling else imagery.dtype
        georeferenced = bool(dataset.crs) and not dataset.transform.is_identity
        self.crs: CRS | None = dataset.crs if georeferenced else None
        part = part_within(dataset, self.path, within if self._service else None)
        self._placement = place(dataset.transform, self.crs, part, gsd)
        self.width, self.height = self._placement.width, self._placement.height
        if max(self.width, self.height) > LARGEST_SIDE:
            raise RasterError(
                f"{self.path}: would have {self.width} × {self.height} pixels of {gsd} m; "
                "ask for a larger ground sample distance"
            )
        self.transform, self.native_gsd = self._placement.transform, self._placement.native_gsd
        self.gsd = self.native_gsd if self._placement.native else gsd
        self._seen = self._open_overview()
        self._columns, self._rows = self._placement.axes(dataset.shape, self._seen.shape)

    def _open_overview(self) -> DatasetReader:
        """What is read: the file, or one of its overviews."""
        scale = min(self._placement.column, self._placement.row)
        found = open_overview(self._dataset, self._connection, self.path, scale)
        return self._dataset if found is None else self._closing.enter_context(found)

    @property
    def count(self) -> int:
        """Number of bands that are read."""
        return len(self.bands)

    @property
    def native_size(self) -> tuple[int, int]:
        """(width, height) of the file in its own pixels."""
        return self._dataset.width, self._dataset.height

    @property
    def native_transform(self) -> Affine:
        """From pixels of the file to map coordinates."""
        return Affine(*tuple(self._dataset.transform)[:6])

    @property
    def files(self) -> tuple[str, ...]:
        """Files that it is made of, as far as GDAL knows: for a VRT also those it refers to."""
        return tuple(self._dataset.files) or (self.path,)

    @property
    def has_crs(self) -> bool:
        """Whether pixels have a place on the map."""
        return self.crs is not None

    @property
    def has_overviews(self) -> bool:
        """Whether the whole can be seen without reading all of it."""
        return bool(self._dataset.overviews(1))

    @property
    def moments(self) -> list[Moments] | None:
        """Mean and deviation of each band before `scaling`, if tags of the file tell them all."""
        return self._imagery.moments(self._dataset)

    def read(self, window: Window) -> Pixels:
        """Read a window, which may reach beyond the raster.

        A pixel is valid where no alpha band, mask or nodata value says otherwise (nodata: in
        every band at once) and no band is NaN or infinite. Pixels that are not valid are 0.

        Returns:
            Pixels [height, width, bands] of `dtype`, and validity [height, width].

        Raises:
            RasterLostError: the file has gone or changed since it was opened, or its server does
                not answer.
            RasterError: the data are damaged there; other windows may be sound.
        """
        shape = window.height, window.width
        pixels, valid = np.zeros((*shape, self.count), self.dtype), np.zeros(shape, bool)
        left, right = _clip(window.column, window.width, self.width)
        top, bottom = _clip(window.row, window.height, self.height)
        if left >= right:
            return pixels, valid
        across = slice(left - window.column, right - window.column)
        for start, stop in self._strips(top, bottom, right - left):
            down = slice(start - window.row, stop - window.row)
            found, known = self._read(left, start, right, stop)
            found = self._scaled(found, known)
            if known.shape == shape:
                return found, known
            pixels[down, across], valid[down, across] = found, known
        return pixels, valid

    def reads_far_aside(self, window: Window) -> bool:
        """Whether the file must decode much beside a window that it will have forgotten after.

        So it is where rows are stored whole, and a row of windows exceeds GDAL's cache.
        """
        block = int(self._seen.block_shapes[0][1])
        stored = np.dtype(self._imagery.stored_dtype).itemsize * self._seen.count
        row_of_windows = block * window.height * self._rows.scale * stored
        return block > 2 * window.width * self._columns.scale and row_of_windows > CACHE / 2

    def thumbnail(self, max_side: int) -> tuple[np.ndarray, np.ndarray, Affine]:
        """Read the whole raster small, through its overviews; square pixels on the ground.

        Args:
            max_side: Pixels of the longer side at most; a smaller raster keeps its size.

        Returns:
            Pixels [height, width, bands], validity [height, width], and the transform from these
            pixels to map coordinates.

        Raises:
            RasterError: if the data are damaged.
        """
        width, height, transform = self._placement.square(max_side)
        pixels, valid = self._read_file(
            "the raster as a whole",
            self._dataset,
            RasterioWindow(*self._placement.part),
            out_shape=(height, width),
            resampling=Resampling.average,
        )
        return self._scaled(pixels, valid), valid, transform

    def close(self) -> None:
        """Close the file."""
        self._closing.close()

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

    def _read(self, left: int, top: int, right: int, bottom: int) -> Pixels:
        """Read [top, bottom) × [left, right), inside the raster, at the GSD."""
        first_row, last_row = self._rows.reach(top, bottom)
        first_column, last_column = self._columns.reach(left, right)
        window = RasterioWindow(
            first_column, first_row, last_column - first_column, last_row - first_row
        )
        place = f"rows {first_row} to {last_row}, columns {first_column} to {last_column}"
        if self._seen is not self._dataset:
            place += f" of the overview of {self._seen.width} × {self._seen.height} pixels"
        pixels, valid = self._read_file(place, self._seen, window)
        if not self._placement.native:
            rows, columns = self._rows.weights(top, bottom), self._columns.weights(left, right)
            pixels, valid = resample(pixels, valid, rows, columns)
        return pixels, valid

    def _scaled(self, pixels: np.ndarray, valid: npt.NDArray[np.bool_]) -> np.ndarray:
        return pixels if self.scaling is None else self.scaling.apply(pixels, valid)

    def _read_file(
        self, place: str, dataset: DatasetReader, window: RasterioWindow, **how: Any
    ) -> Pixels:
        """Read from the file or its overview, again if a service fails."""
        mask_from = None if dataset is self._dataset else self._dataset

        def read(window: RasterioWindow) -> Pixels:
            with reading(f"{self.path}: {place}"):
                return self._imagery.read(dataset, mask_from=mask_from, window=window, **how)

        try:
            if not self._service:
                return read(window)
            if how:  # small: in tiles that are not those of the window
                return retried(partial(read, window))
            return patiently(read, window, int(dataset.block_shapes[0][0]))
        except RasterLostError:
            raise
        except RasterError as error:
            if not self._presence.lasts():
                raise RasterLostError(
                    f"{self.path}: has gone or changed since it was opened ({error})"
                ) from error
            raise


def _clip(start: int, length: int, size: int) -> tuple[int, int]:
    """The part of [start, start + length) within [0, size)."""
    return max(start, 0), min(start + length, size)
