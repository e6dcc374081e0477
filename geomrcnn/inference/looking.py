"""The stages before the seams: tiles are read, shown to the detector, and what it finds is kept."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple, Protocol

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.inference.ahead import ahead, side_by_side
from geomrcnn.inference.findings import Findings, keep, nothing
from geomrcnn.inference.opening import Opening
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Tile
from geomrcnn.raster.tile_reader import TileReader
from geomrcnn.runtime.detector import Detector, heard_above, streams_of

FINDINGS_AHEAD = 64
"""Tiles whose findings may wait: they are settled by rows, and meanwhile the detector goes on."""


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

    heard = heard_above(detector, min_score)

    def detected() -> Iterator[Looked]:
        read = ahead(lambda: _read(cells, opening, strict))
        return side_by_side(lambda tile: _detect(tile, heard, min_score), read, streams_of(heard))

    return ahead(detected, FINDINGS_AHEAD)


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


def _detect(read: Read, detector: Detector, min_score: float) -> Looked:
    cell, tile, problem = read
    if tile is None:
        return Looked(cell, nothing("unreadable"), problem)
    if not tile.valid.any():
        return Looked(cell, nothing("nodata"))
    (detections,) = detector.detect([tile])
    return Looked(cell, keep(detections, tile, min_score))
