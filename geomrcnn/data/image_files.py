"""A data set of image files whose objects are known in pixels: what most formats come down to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from geomrcnn.data.dataset import Instance, PixelType, Sample
from geomrcnn.data.report import SMALLEST, LabelReport
from geomrcnn.errors import DataError
from geomrcnn.raster.placement import CLOSE_ENOUGH
from geomrcnn.raster.resampling import Axis, resample
from geomrcnn.raster.source import RasterSource, open_raster
from geomrcnn.raster.tile import Window


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """One image, not read yet, and what is labelled in it.

    Attributes:
        path: The image file, anything GDAL opens.
        name: What to call it in a message.
        width: Columns of the file.
        height: Rows of the file.
        instances: Its objects, in pixels of the file.
        gsd: Metres on the ground that a pixel of the file covers, where that is known better than
            from the georeference; None otherwise.
    """

    path: Path
    name: str
    width: int
    height: int
    instances: tuple[Instance, ...]
    gsd: float | None = None


class ImageFiles:
    """Image files and their objects, read one at a time, at one ground resolution.

    A reader of a new format is a subclass that finds the records, or just a function that does.

    Attributes:
        classes: Names of classes 1..C.
        report: Counts of what was kept, repaired and dropped.
    """

    def __init__(
        self,
        classes: Sequence[str],
        records: Sequence[ImageRecord],
        *,
        gsd: float | None = None,
        bands: Sequence[int] | None = None,
        report: LabelReport | None = None,
    ) -> None:
        """Take records; images are read when asked for.

        An image's own GSD is that of its record, else what its georeference says. Only the latter
        is measured across and down, so that pixels which are not square on the ground become so.

        Args:
            classes: Names of classes 1..C.
            records: The images.
            gsd: Bring images and outlines to this many metres a pixel. An image whose own GSD is
                unknown is taken as it is. None leaves every image as it is.
            bands: Numbers from 1 of the bands to read of every image, in that order; None is all
                but alpha.
            report: What the reader found; by default the records are counted.

        Raises:
            DataError: the GSD is not positive.
        """
        if gsd is not None and not gsd > 0:
            raise DataError(f"the GSD to train at must be positive metres, not {gsd:g}")
        self.classes: tuple[str, ...] = tuple(classes)
        self._records = tuple(records)
        self._gsd = gsd
        self._bands = bands
        self.report = report or _count(self._records)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._records)

    def name(self, index: int) -> str:
        """What to call image `index` in a message."""
        return self._records[index].name

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are.

        Raises:
            DataError: the image has another size than the labels say.
            RasterError: the image cannot be opened.
        """
        record = self._records[index]
        with open_raster(record.path, bands=self._bands) as source:
            _check_size(source, record)
            return PixelType(source.dtype, source.band_names)

    def gsd(self, index: int) -> float | None:
        """Metres a pixel of `sample(index)`; None when unknown.

        Raises:
            RasterError: the image cannot be opened.
        """
        record = self._records[index]
        if record.gsd is not None:
            return record.gsd if self._zoom(record) is None else self._gsd
        with open_raster(record.path, gsd=self._gsd) as view:
            return view.gsd

    def sample(self, index: int) -> Sample:
        """Image `index` with its objects, at the dataset's GSD.

        Nodata is 0, as when a model runs on a raster. What is smaller than a pixel at that GSD is
        left out.

        Raises:
            DataError: the image has another size than the labels say.
            RasterError: the image cannot be read.
        """
        record = self._records[index]
        with open_raster(record.path, bands=self._bands) as native:
            _check_size(native, record)
            if record.gsd is not None:
                sample = _read(native, record.instances)
                zoom = self._zoom(record)
                return sample if zoom is None else _scaled(sample, zoom)
            with open_raster(record.path, gsd=self._gsd, bands=self._bands) as view:
                old, new = _pixel_sides(native), _pixel_sides(view)
                instances = _stretched(record.instances, old[0] / new[0], old[1] / new[1])
                return _read(view, instances)

    def _zoom(self, record: ImageRecord) -> float | None:
        """Pixels wanted for each pixel of an image whose GSD was told; None to leave it alone."""
        if self._gsd is None or record.gsd is None:
            return None
        zoom = record.gsd / self._gsd
        return None if abs(1 / zoom - 1) <= CLOSE_ENOUGH else zoom


def _count(records: Sequence[ImageRecord]) -> LabelReport:
    kept = [instance for record in records for instance in record.instances]
    return LabelReport(len(records), len(kept), sum(instance.crowd for instance in kept))


def _check_size(source: RasterSource, record: ImageRecord) -> None:
    if (source.width, source.height) != (record.width, record.height):
        raise DataError(
            f"{record.path}: the image is {source.width}x{source.height} pixels, "
            f"its labels say {record.width}x{record.height}"
        )


def _read(source: RasterSource, instances: tuple[Instance, ...]) -> Sample:
    """The whole raster, with these instances."""
    pixels, valid = source.read(Window(0, 0, source.width, source.height))
    return Sample(pixels, instances, None if valid.all() else valid)


def _pixel_sides(source: RasterSource) -> tuple[float, float]:
    """Map units along a pixel's two sides, however the raster is turned."""
    transform = source.transform
    return math.hypot(transform.a, transform.d), math.hypot(transform.b, transform.e)


def _scaled(sample: Sample, zoom: float) -> Sample:
    """The sample with about `zoom` times as many pixels a side: whole pixels, hence "about"."""
    height, width = sample.image.shape[:2]
    rows, columns = max(round(height * zoom), 1), max(round(width * zoom), 1)
    valid = np.ones((height, width), bool) if sample.valid is None else sample.valid
    image, valid = resample(
        sample.image,
        valid,
        Axis(height, height / rows).weights(0, rows),
        Axis(width, width / columns).weights(0, columns),
    )
    instances = _stretched(sample.instances, columns / width, rows / height)
    return Sample(image, instances, None if valid.all() else valid)


def _stretched(instances: tuple[Instance, ...], x: float, y: float) -> tuple[Instance, ...]:
    """The instances with their coordinates multiplied by (x, y), those of a pixel at least."""
    if not instances:
        return ()
    geometries = shapely.transform([i.geometry for i in instances], lambda xy: xy * [x, y])
    pairs = zip(geometries, instances, strict=True)
    return tuple(replace(i, geometry=g) for g, i in pairs if g.area >= SMALLEST)
