"""From shapes to shares of pixels: one label raster, finer than the image, says what is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from rasterio.transform import Affine
from shapely.geometry.base import BaseGeometry

from geomrcnn.data.landscape.noise import FloatArray

SAMPLES = 3  # labels per pixel and axis


class View(NamedTuple):
    """The rows and columns [row1, row2), [column1, column2) that a shape touches."""

    row1: int
    row2: int
    column1: int
    column2: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The view as a NumPy index."""
        return slice(self.row1, self.row2), slice(self.column1, self.column2)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.row2 - self.row1, self.column2 - self.column1


class Canvas:
    """Labels at `SAMPLES` x `SAMPLES` points in every pixel; the last shape drawn wins.

    Because every point has one label, the shares of all labels in a pixel add up to one:
    mixing colours by them gives antialiased edges without seams.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        """Start with label 0 everywhere; `shape` is (height, width) in pixels."""
        self.shape = shape
        self.labels: npt.NDArray[np.uint16] = np.zeros(
            (shape[0] * SAMPLES, shape[1] * SAMPLES), np.uint16
        )

    def draw(self, shapes: Sequence[tuple[BaseGeometry, int]]) -> None:
        """Draw (geometry in pixels, label) pairs in this order."""
        drawable = [(shape, label) for shape, label in shapes if not shape.is_empty]
        if drawable:
            rasterio.features.rasterize(
                drawable, out=self.labels, transform=Affine.scale(1 / SAMPLES)
            )

    def share(self, label: int, view: View | None = None) -> FloatArray:
        """The share of every pixel [h, w] that carries `label`, 0 to 1."""
        row1, row2, column1, column2 = view or self.whole
        fine = (
            self.labels[row1 * SAMPLES : row2 * SAMPLES, column1 * SAMPLES : column2 * SAMPLES]
            == label
        )
        total = np.zeros((row2 - row1, column2 - column1), np.uint8)
        for row in range(SAMPLES):
            for column in range(SAMPLES):
                total += fine[row::SAMPLES, column::SAMPLES]
        return total.astype(np.float32) / np.float32(SAMPLES**2)

    def lookup(self, table: FloatArray) -> FloatArray:
        """The mean of `table[label]` over every pixel: [H, W] or [H, W, C]."""
        total = np.zeros(self.shape + table.shape[1:], np.float32)
        for row in range(SAMPLES):
            for column in range(SAMPLES):
                total += table[self.labels[row::SAMPLES, column::SAMPLES]]
        return total / np.float32(SAMPLES**2)

    @property
    def whole(self) -> View:
        """The view of everything."""
        return View(0, self.shape[0], 0, self.shape[1])

    def view(self, shape: BaseGeometry) -> View:
        """The pixels that a shape touches, kept inside the canvas."""
        x1, y1, x2, y2 = shapely.bounds(shape)
        row1, row2 = np.clip((np.floor(y1), np.ceil(y2)), 0, self.shape[0]).astype(int)
        column1, column2 = np.clip((np.floor(x1), np.ceil(x2)), 0, self.shape[1]).astype(int)
        return View(int(row1), int(row2), int(column1), int(column2))
