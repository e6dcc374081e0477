"""A raster with its labels: what is to be learnt from any window of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine

from geomrcnn.data.dataset import Instance, PixelType, Sample
from geomrcnn.data.labels import Labels
from geomrcnn.data.layers import PlacedLayer, PolygonLayer, window_box
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.data.report import SMALLEST
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal, polygonal

WHOLE = 0.99
"""Share of an outline that must lie in the area of interest for the label to be complete: edges
digitised along each other differ by slivers."""


@dataclass(frozen=True, eq=False)
class LabelledRaster:
    """A raster at one GSD, the labels on it, and where they are complete.

    Attributes:
        path: Anything GDAL opens.
        wanted_gsd: Metres a pixel that it is read at; None for its own.
        bands: Numbers from 1 of the bands to read; None is all but alpha.
        width: Columns at that GSD.
        height: Rows at that GSD.
        gsd: Metres on the ground a pixel; None if the raster is not tied to the ground.
        pixels: What the pixels are.
        transform: From pixels at that GSD to map coordinates.
        crs: Of the map coordinates; None if it is not georeferenced.
        labels: In pixels of the raster.
        class_ids: [N] class of each of `labels`.
        area: Where labels are complete; None for everywhere.
    """

    path: str
    wanted_gsd: float | None
    bands: tuple[int, ...] | None
    width: int
    height: int
    gsd: float | None
    pixels: PixelType
    transform: Affine
    crs: Any
    labels: PlacedLayer
    class_ids: npt.NDArray[np.int32]
    area: PlacedLayer | None

    def sample(self, window: Window, min_visible: float) -> Sample:
        """What a window shows: pixels outside the area of interest are no data.

        Objects of which less than `min_visible` is left, by the edge of the window or by nodata,
        become crowd: they are neither object nor background. So do those that cross the edge of
        the area of interest. An object larger than the window is measured by the window.

        Raises:
            RasterError: the raster cannot be read.
        """
        with open_raster(self.path, gsd=self.wanted_gsd, bands=self.bands) as source:
            image, valid = source.read(window)
        area = self._area_in(window)
        if area is not None:
            valid &= pixel_mask(area, window).astype(bool)
            image[~valid] = 0
        everywhere = bool(valid.all())
        found = (
            self._instance(int(index), window, area, None if everywhere else valid, min_visible)
            for index in self.labels.touching(window)
        )
        seen = tuple(instance for instance in found if instance is not None)
        return Sample(image, seen, None if everywhere else valid)

    def _inside(self, window: Window) -> Window:
        """The part of a window within the raster: labels may reach further than imagery."""
        left, top = max(window.column, 0), max(window.row, 0)
        right = min(window.column + window.width, self.width)
        bottom = min(window.row + window.height, self.height)
        return Window(left, top, right - left, bottom - top)

    def _area_in(self, window: Window) -> Polygonal | None:
        """The area of interest within a window; None if there is none to heed."""
        if self.area is None:
            return None
        near = self.area.geometries[self.area.touching(window)]
        return polygonal(shapely.intersection(shapely.union_all(near), window_box(window)))

    def _instance(
        self,
        index: int,
        window: Window,
        area: Polygonal | None,
        valid: npt.NDArray[np.bool_] | None,
        min_visible: float,
    ) -> Instance | None:
        """What a window shows of label `index`, in pixels of the window; None if nothing."""
        whole = self.labels.geometries[index]
        seen = polygonal(shapely.intersection(whole, window_box(self._inside(window))))
        complete = True
        if area is not None and not seen.is_empty:
            inside = polygonal(shapely.intersection(seen, area))
            complete = inside.area >= WHOLE * seen.area
            seen = inside
        if seen.area < SMALLEST:
            return None
        on_data = 1.0 if valid is None else _share_on_data(seen, window, valid)
        if on_data == 0:
            return None
        least = min_visible * min(whole.area, window.width * window.height)
        crowd = not complete or on_data * seen.area < least
        moved = shapely.transform(seen, lambda xy: xy - [window.column, window.row])
        return Instance(moved, int(self.class_ids[index]), crowd)


def open_labelled(
    path: str | os.PathLike[str],
    labels: Labels,
    *,
    gsd: float | None,
    bands: Sequence[int] | None = None,
    aoi: PolygonLayer | None = None,
) -> LabelledRaster:
    """Bring a raster and its labels together.

    Raises:
        RasterError: the raster cannot be opened.
        DataError: raster and layer cannot be brought together.
    """
    with open_raster(path, gsd=gsd, bands=bands) as source:
        placed = labels.on(source)
        raster = LabelledRaster(
            path=os.fspath(path),
            wanted_gsd=gsd,
            bands=None if bands is None else tuple(bands),
            width=source.width,
            height=source.height,
            gsd=source.gsd,
            pixels=PixelType(source.dtype, source.band_names),
            transform=source.transform,
            crs=source.crs,
            labels=placed,
            class_ids=labels.class_ids[placed.numbers],
            area=None if aoi is None else aoi.on(source),
        )
    return raster if raster.area is None else _within_area(raster, raster.area)


def _within_area(raster: LabelledRaster, area: PlacedLayer) -> LabelledRaster:
    """The raster without the labels that lie outside the area of interest."""
    tree = shapely.STRtree(raster.labels.geometries)
    kept = np.unique(tree.query(area.geometries, predicate="intersects")[1])
    labels = PlacedLayer(raster.labels.geometries[kept], raster.labels.numbers[kept])
    return replace(raster, labels=labels, class_ids=raster.class_ids[kept])


def _share_on_data(outline: Polygonal, window: Window, valid: npt.NDArray[np.bool_]) -> float:
    """Which share of an outline's pixels is data; of a window's neighbourhood, all of it."""
    x1, y1, x2, y2 = outline.bounds
    left, top = int(x1), int(y1)
    part = Window(left, top, int(np.ceil(x2)) - left, int(np.ceil(y2)) - top)
    inside = pixel_mask(outline, part).astype(bool)
    rows = slice(top - window.row, top - window.row + part.height)
    columns = slice(left - window.column, left - window.column + part.width)
    return float(valid[rows, columns][inside].mean()) if inside.any() else 1.0
