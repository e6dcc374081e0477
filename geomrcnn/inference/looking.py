"""The stages before the seams: tiles are read, shown to the detector, and what it finds is kept."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple, Protocol

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.inference.ahead import ahead
from geomrcnn.inference.findings import Findings, keep, nothing
from geomrcnn.inference.opening import Opening
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Tile
from geomrcnn.raster.tile_reader import TileReader
from geomrcnn.runtime.detector import Detector


class Read(NamedTuple):
    """A tile, or why it could not be read."""

    cell: Cell
    tile: Tile | None
    problem: str = ""


class Looked(NamedTuple):
    """What was found in a tile; `problem` says why it could not be read, if so."""

    cell: Cell
    findings: Findings
    problem: str = ""


class Look(Protocol):
    """Whoever looks at tiles: `look` with a detector, here, or others elsewhere."""

    def __call__(
        self, cells: Iterable[Cell], opening: Opening, min_score: float, *, strict: bool
    ) -> Generator[Looked, None, None]:
        """The findings of each tile, in order; see `look`."""


def look(
    detector: Detector,
    cells: Iterable[Cell],
    opening: Opening,
    min_score: float,
    *,
    strict: bool,
) -> Generator[Looked, None, None]:
    """Show tiles to a detector; reading, looking and whoever takes the findings run side by side.

    Args:
        detector: Who looks.
        cells: Places of the tiles.
        opening: Opens the raster: the thread that reads has its own.
        min_score: What scores less is left out.
        strict: Whether a tile that cannot be read is an error.

    Yields:
        The findings of each tile, in order.

    Raises:
        RasterLostError: the raster is gone.
        RasterError: a tile cannot be read, and `strict`.
    """
    return ahead(lambda: _detect(ahead(lambda: _read(cells, opening, strict)), detector, min_score))


def _read(cells: Iterable[Cell], opening: Opening, strict: bool) -> Iterator[Read]:
    with opening() as source:
        reader = TileReader(source)
        for cell in cells:
            try:
                tile = reader.read(cell)
            except RasterLostError:
                raise
            except RasterError as error:
                if strict:
                    raise
                yield Read(cell, None, str(error))
            else:
                yield Read(cell, tile)


def _detect(read: Iterator[Read], detector: Detector, min_score: float) -> Iterator[Looked]:
    for cell, tile, problem in read:
        if tile is None:
            yield Looked(cell, nothing("unreadable"), problem)
        elif not tile.valid.any():
            yield Looked(cell, nothing("nodata"))
        else:
            (detections,) = detector.detect([tile])
            yield Looked(cell, keep(detections, tile, min_score))
