"""Cutting a raster into tiles that overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from geomrcnn.raster.tile import Tile, Window
from geomrcnn.raster.tile_reader import TileReader

if TYPE_CHECKING:
    from geomrcnn.raster.source import RasterSource


class Cell(NamedTuple):
    """A place in the grid of tiles, and the window of the raster there."""

    row: int
    column: int
    window: Window


@dataclass(frozen=True)
class TileGrid:
    """Square windows that cover a raster.

    Without a stride they are as few as can be and evenly spaced, the outermost flush with the
    raster's edges; neighbours overlap by `overlap` pixels or, to come out even, a few more. A side
    shorter than a tile gets one window, of full size, that reaches beyond the raster.

    With a stride, tiles begin at its multiples and reach beyond the raster on both sides. A network
    halves the image again and again, and sees an object that is moved by less than its coarsest
    pixel otherwise than before; so two tiles score an object more alike (docs/experiments.md).

    Halfway, the tiles lie half a step further up and to the left, with one more at the end: the
    middles of their overlaps are as far from those of the usual grid as they can be. There, the
    outermost reach beyond the raster.

    Attributes:
        width: Columns of the raster.
        height: Rows of the raster.
        tile: Side of a tile in pixels.
        overlap: Pixels that neighbouring tiles share at least.
        halfway: Whether tiles lie midway between those of the usual grid.
        stride: What starts are multiples of, in pixels, if tiles are at least that far apart.
    """

    width: int
    height: int
    tile: int
    overlap: int
    halfway: bool = False
    stride: int | None = None

    def __post_init__(self) -> None:
        """Refuse a grid that cannot be.

        Raises:
            ValueError: naming the number that is wrong.
        """
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a raster of {self.width} × {self.height} pixels has no tiles")
        if self.tile < 1:
            raise ValueError(f"tile must be at least 1 pixel, not {self.tile}")
        if not 0 <= self.overlap < self.tile:
            raise ValueError(f"overlap must be from 0 to {self.tile - 1}, not {self.overlap}")

    @cached_property
    def column_starts(self) -> tuple[int, ...]:
        """First pixel column of each column of tiles."""
        return self._starts(self.width)

    @cached_property
    def row_starts(self) -> tuple[int, ...]:
        """First pixel row of each row of tiles."""
        return self._starts(self.height)

    @property
    def columns(self) -> int:
        """Tiles beside each other."""
        return len(self.column_starts)

    @property
    def rows(self) -> int:
        """Tiles above each other."""
        return len(self.row_starts)

    def top(self, row: int) -> float:
        """Where a row of tiles begins; infinity after the last."""
        return self.row_starts[row] if row < self.rows else math.inf

    def _starts(self, size: int) -> tuple[int, ...]:
        step = self.tile - self.overlap
        if self.stride is None:
            return _even_starts(size, self.tile, step, self.halfway)
        return _aligned_starts(size, self.tile, step, self.halfway, min(self.stride, step))

    def __len__(self) -> int:
        return self.rows * self.columns

    def __iter__(self) -> Iterator[Cell]:
        """Every cell, row by row, from the left."""
        for row, top in enumerate(self.row_starts):
            for column, left in enumerate(self.column_starts):
                yield Cell(row, column, Window(left, top, self.tile, self.tile))


def _even_starts(size: int, tile: int, step: int, halfway: bool) -> tuple[int, ...]:
    """Starts of the fewest tiles that cover [0, size), rounded from equal steps.

    Whole numbers throughout: rounded down, two neighbouring starts are never further apart than
    the step rounded up, which is at most `step`.
    """
    reach, steps = size - tile, -(-(size - tile) // step)
    if size <= tile:
        reach, steps = step, 1
    starts: list[int] = []
    while not starts or starts[-1] + tile < size:
        starts.append((2 * len(starts) - halfway) * reach // (2 * steps))
    return tuple(starts)


def _aligned_starts(size: int, tile: int, step: int, halfway: bool, stride: int) -> tuple[int, ...]:
    """Starts at multiples of a stride; what the tiles cover too much lies on both sides."""
    step -= step % stride
    steps = max(0, -(-(size - tile) // step))
    spare = steps * step + tile - size
    start = -(spare // 2 // stride * stride)
    if halfway:
        half = step // 2
        start -= half - half % stride if half >= stride else half
    starts = [start]
    while starts[-1] + tile < size:
        starts.append(starts[-1] + step)
    return tuple(starts)


def tiles(source: RasterSource, cells: Iterable[Cell]) -> Iterator[Tile]:
    """Read the tiles of a grid, or of any of its cells, one at a time.

    Args:
        source: The raster.
        cells: A TileGrid of the raster, or some of its cells.

    Raises:
        RasterError: if a window cannot be read.
    """
    reader = TileReader(source)
    for cell in cells:
        yield reader.read(cell)
