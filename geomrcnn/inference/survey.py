"""One raster from its tiles to its features, row of tiles by row of tiles."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt
from geopandas import GeoDataFrame

from geomrcnn.errors import RasterError
from geomrcnn.inference.area_of_interest import AreaOfInterest, read_area
from geomrcnn.inference.bands import opening_for
from geomrcnn.inference.coarse import FACTOR, CoarseView, Explainer, coarse_views
from geomrcnn.inference.features import Shaped, shape, to_features, with_shared_edges
from geomrcnn.inference.looking import Look, Looked
from geomrcnn.inference.opening import Opening
from geomrcnn.inference.options import Options, Progress, Report, tiling
from geomrcnn.raster.grid import Cell, TileGrid
from geomrcnn.raster.source import RasterSource
from geomrcnn.runtime import Model
from geomrcnn.vector.instance import Instance
from geomrcnn.vector.merge import Merger
from geomrcnn.vector.settle import Whole


class Known(Protocol):
    """What has been found before: a journal, or those of all shards."""

    def mark(self, layer: int, finished: npt.NDArray[np.bool_]) -> None:
        """Set the places of finished tiles in an array of [rows, columns] to True."""

    def recall(self, layer: int, cell: Cell) -> Looked:
        """What was found in a finished tile."""


def ignore(progress: Progress) -> None:
    """Let nobody know."""


def forget(layer: int, looked: Looked) -> None:
    """Keep nothing."""


@dataclass(frozen=True)
class Work:
    """Who looks at the tiles of a raster, and where it is noted.

    Attributes:
        look: Who looks.
        report: Where tiles are counted.
        tell: Called after each tile.
        known: Where findings are taken from if they are there.
        note: Called with what is found, and the number of the raster.
        layer: That number.
    """

    look: Look
    report: Report
    tell: Callable[[Progress], None] = ignore
    known: Known | None = None
    note: Callable[[int, Looked], None] = forget
    layer: int = 0


@dataclass(frozen=True, eq=False)
class Survey:
    """A raster that is about to be looked at; made by `open_survey`.

    Attributes:
        source: The raster at the model's GSD.
        opening: Opens it once more, for another thread or process.
        grid: Its tiles.
        wanted: [rows, columns] which of them to look at.
        area: Where objects must lie.
        model: What it is shown to.
        options: How.
        coarse: The same raster with larger pixels, for objects longer than a tile.
    """

    source: RasterSource
    opening: Opening
    grid: TileGrid
    wanted: npt.NDArray[np.bool_]
    area: AreaOfInterest | None
    model: Model
    options: Options
    coarse: Survey | None = None

    def features(self, work: Work) -> Iterator[GeoDataFrame]:
        """Look at all tiles.

        Yields:
            For each row of tiles the features that no later row can see any of; see
            `to_features`.

        Raises:
            RasterError, OutputError: saying in one line what is wrong.
        """
        options = self.options
        explainer = None
        if self.coarse is not None:
            views = self.coarse.views_for(self, self._coarse_part(work))
            explainer = Explainer(list(views), self.grid.tile)
        held: list[Shaped] = []
        for wholes, below in self._objects(work):
            explained = wholes if explainer is None else explainer.add(wholes, below)
            shaped = shape(explained, self.classes, options, self.gsd)
            if options.share_edges is None:
                yield self._features(shaped)
            else:
                held += shaped
        if options.share_edges is not None:
            gap, tolerance = options.share_edges / self.gsd, options.simplify_pixels(self.gsd)
            yield self._features(with_shared_edges(held, gap, tolerance))

    def views_for(self, fine: Survey, work: Work) -> Iterator[CoarseView]:
        """Look at all tiles for what is too long for a tile of a finer survey."""
        to_fine = ~fine.source.transform @ self.source.transform
        for wholes, _ in self._objects(work):
            yield from coarse_views(wholes, to_fine, fine.grid.tile)

    def gather(self, work: Work, share: range) -> None:
        """Look at some of the tiles, for the notes alone.

        Args:
            work: Who looks, and notes.
            share: Which: numbers from 0 in the order in which `features` goes through the tiles.

        Raises:
            RasterError, OutputError: saying in one line what is wrong.
        """
        first = 0
        if self.coarse is not None:
            first = self.coarse.tiles
            self.coarse.gather(self._coarse_part(work), share)
        number = first + np.cumsum(self.wanted).reshape(self.wanted.shape) - 1
        shared = self.wanted & (number >= share.start) & (number < share.stop)
        with closing(replace(self, wanted=shared)._look(work)) as looked:
            for _ in looked:
                work.tell(work.report.progress)

    def _coarse_part(self, work: Work) -> Work:
        """The second look has a number of its own in the journal."""
        return replace(work, layer=-1 - work.layer)

    def _objects(self, work: Work) -> Iterator[tuple[list[Whole], float]]:
        """For each row of tiles, the objects that no later row can see, and where that begins."""
        source = self.source
        size = source.width, source.height
        merger = Merger(size, self.grid.overlap, self.options.agreement, self.min_score)
        with closing(self._look(work)) as looked:
            for row, count in enumerate(self.wanted.sum(axis=1)):
                instances: list[Instance] = []
                for cell, findings, _ in islice(looked, int(count)):
                    instances += findings.on(cell)
                    work.tell(work.report.progress)
                below = self.grid.top(row + 1)
                yield merger.add(instances, below), below

    @property
    def tiles(self) -> int:
        """Number of tiles to look at."""
        return int(self.wanted.sum()) + (self.coarse.tiles if self.coarse else 0)

    @property
    def min_score(self) -> float:
        """Score from which an object counts."""
        chosen = self.options.min_score
        return self.model.card.min_score if chosen is None else chosen

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes 1..C."""
        return self.model.card.classes

    @property
    def gsd(self) -> float:
        """Metres that a pixel measures, or is taken to measure."""
        return self.source.gsd or self.options.gsd or self.model.card.gsd

    def _features(self, shaped: Sequence[Shaped]) -> GeoDataFrame:
        return to_features(shaped, self.source, self.classes, self.options, self.gsd, self.area)

    def _look(self, work: Work) -> Generator[Looked, None, None]:
        """The findings of all wanted tiles, from the journal or by looking."""
        layer = work.layer
        known = np.zeros_like(self.wanted)
        if work.known is not None:
            work.known.mark(layer, known)
        missing = self._cells(self.wanted & ~known)
        fresh = work.look(missing, self.opening, FAINT * self.min_score, strict=self.options.strict)
        with closing(fresh):
            for cell in self._cells(self.wanted):
                if work.known is not None and known[cell.row, cell.column]:
                    looked = work.known.recall(layer, cell)
                    work.report.resumed += 1
                else:
                    looked = next(fresh)
                    work.note(layer, looked)
                work.report.count(looked.findings, self.min_score, looked.problem)
                yield looked

    def _cells(self, wanted: npt.NDArray[np.bool_]) -> Iterator[Cell]:
        return (cell for cell in self.grid if wanted[cell.row, cell.column])


FAINT = 0.5
"""Share of the score from which an object counts, from which a tile's word on it is heard: one who
only heard those that score enough would hear of every doubtful object that some tile thinks well
of it."""

STRIDE = 64
"""Pixels of the image to one of the coarsest level of a feature pyramid."""


@contextmanager
def open_survey(raster: str | os.PathLike[str], model: Model, options: Options) -> Iterator[Survey]:
    """Open a raster to be looked at.

    Raises:
        RasterError, ModelError, DataError: saying in one line what does not fit.
    """
    card = model.card
    side, overlap = tiling(card, options.tile, options.overlap)
    opening = opening_for(
        card, raster,
        gsd=options.gsd, bands=options.bands, scale=options.scale, aoi=options.aoi,
    )  # fmt: skip
    with opening() as source:
        grid = TileGrid(source.width, source.height, side, overlap, options.halfway, STRIDE)
        area = None if options.aoi is None else read_area(options.aoi, source)
        wanted = np.ones((grid.rows, grid.columns), bool) if area is None else area.touches(grid)
        survey = Survey(source, opening, grid, wanted, area, model, options)
        if not options.coarse:
            yield survey
            return
        if source.gsd is None:
            raise RasterError(
                f"{source.path}: has no ground size to look at more coarsely; leave --coarse out"
            )
        larger = replace(options, gsd=FACTOR * (options.gsd or card.gsd), coarse=False)
        with open_survey(raster, model, larger) as coarse:
            yield replace(survey, coarse=coarse)
