"""The grid of wanted pixels over a raster."""

from __future__ import annotations

from typing import NamedTuple

from affine import Affine
from rasterio.crs import CRS

from geomrcnn.raster.ground import GroundStep, ground_step, scaled
from geomrcnn.raster.resampling import Axis
from geomrcnn.raster.tile import Window

CLOSE_ENOUGH = 0.01
"""A raster whose pixels are this near the wanted size, relatively, is not resampled."""


class Placement(NamedTuple):
    """Where the wanted pixels lie.

    Attributes:
        part: The part of the file that they cover, in its pixels.
        column: The file's columns to a wanted one.
        row: The file's rows to a wanted one.
        origin: From pixels of the part to map coordinates.
        step: Metres between pixels of the file, at the centre of the part; None if it is not tied
            to the ground.
    """

    part: Window
    column: float
    row: float
    origin: Affine
    step: GroundStep | None

    @property
    def native(self) -> bool:
        """Whether they are the file's own."""
        return self.column == self.row == 1.0

    @property
    def width(self) -> int:
        """Wanted columns."""
        return Axis(self.part.width, self.column).cells

    @property
    def height(self) -> int:
        """Wanted rows."""
        return Axis(self.part.height, self.row).cells

    @property
    def transform(self) -> Affine:
        """From wanted pixels to map coordinates."""
        return scaled(self.origin, self.column, self.row)

    @property
    def native_gsd(self) -> float | None:
        """Metres between pixels of the file, the mean of across and down."""
        return (self.step.column + self.step.row) / 2 if self.step else None

    def axes(self, file: tuple[int, int], seen: tuple[int, int]) -> tuple[Axis, Axis]:
        """How wanted columns, and rows, are made.

        Args:
            file: Rows and columns of the file.
            seen: Those of what is read, the file or an overview of it.
        """
        across, down = seen[1] / file[1], seen[0] / file[0]
        return (
            Axis(seen[1], self.column * across, self.part.column * across),
            Axis(seen[0], self.row * down, self.part.row * down),
        )

    def square(self, max_side: int) -> tuple[int, int, Affine]:
        """A coarser grid of pixels that are square on the ground.

        Args:
            max_side: Pixels of the longer side at most; it is never finer than the file.

        Returns:
            Columns and rows, and the transform from its pixels to map coordinates.
        """
        step = self.step or GroundStep(1.0, 1.0)
        if max(step) - min(step) <= CLOSE_ENOUGH * max(step):
            step = GroundStep(1.0, 1.0)
        across = self.part.width * step.column / max(step)
        down = self.part.height * step.row / max(step)
        shrink = max(1.0, across / max_side, down / max_side)
        width, height = max(1, round(across / shrink)), max(1, round(down / shrink))
        transform = scaled(self.origin, self.part.width / width, self.part.height / height)
        return width, height, transform


def place(transform: Affine, crs: CRS | None, part: Window, gsd: float | None) -> Placement:
    """Lay a grid of wanted pixels over a part of a raster.

    Args:
        transform: From the file's pixels to map coordinates.
        crs: Of the map coordinates; None if the file is not georeferenced.
        part: In pixels of the file.
        gsd: Metres that a pixel shall measure. None keeps the file's pixels; so does a raster that
            is not tied to the ground, or fits within 1 %.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    left, top = part.column, part.row
    origin = Affine(a, b, a * left + b * top + c, d, e, d * left + e * top + f)
    step = None if crs is None else ground_step(origin, crs, part.width, part.height)
    column = row = 1.0
    if step is not None and gsd is not None:
        column, row = gsd / step.column, gsd / step.row
        if max(abs(column - 1), abs(row - 1)) <= CLOSE_ENOUGH:
            column = row = 1.0
    return Placement(part, column, row, origin, step)
