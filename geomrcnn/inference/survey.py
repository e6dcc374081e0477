"""One raster from its tiles to its features, row of tiles by row of tiles."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt
from geopandas import GeoDataFrame

from geomrcnn.errors import RasterError
from geomrcnn.inference.area_of_interest import AreaOfInterest, read_area
from geomrcnn.inference.bands import open_for
from geomrcnn.inference.coarse import FACTOR, CoarseView, Explainer, coarse_views
from geomrcnn.inference.features import Shaped, shape, to_features, with_shared_edges
from geomrcnn.inference.journal import Journal
from geomrcnn.inference.looking import Looked, look
from geomrcnn.inference.options import Options, Progress, Report, tiling
from geomrcnn.raster.grid import Cell, TileGrid
from geomrcnn.raster.source import RasterSource
from geomrcnn.runtime import Detector
from geomrcnn.vector.instance import Instance
from geomrcnn.vector.merge import Merger
from geomrcnn.vector.settle import Whole


@dataclass(frozen=True, eq=False)
class Survey:
    """A raster that is about to be looked at; made by `open_survey`.

    Attributes:
        source: The raster at the model's GSD.
        open_source: Opens it once more, for another thread.
        grid: Its tiles.
        wanted: [rows, columns] which of them to look at.
        area: Where objects must lie.
        detector: Who looks.
        options: How.
        coarse: The same raster with larger pixels, for objects longer than a tile.
    """

    source: RasterSource
    open_source: Callable[[], RasterSource]
    grid: TileGrid
    wanted: npt.NDArray[np.bool_]
    area: AreaOfInterest | None
    detector: Detector
    options: Options
    coarse: Survey | None = None

    def features(
        self,
        report: Report,
        on_progress: Callable[[Progress], None] | None = None,
        journal: Journal | None = None,
        layer: int = 0,
    ) -> Iterator[GeoDataFrame]:
        """Look at all tiles.

        Args:
            report: Where tiles are counted.
            on_progress: Called after each tile.
            journal: Where findings are kept, and taken from if they are there.
            layer: Number of the raster in the journal.

        Yields:
            For each row of tiles the features that no later row can see any of; see
            `to_features`.

        Raises:
            RasterError, OutputError: saying in one line what is wrong.
        """
        options = self.options
        tell = on_progress or (lambda progress: None)
        explainer = None
        if self.coarse is not None:
            views = self.coarse.views_for(self, report, tell, journal, -1 - layer)
            explainer = Explainer(list(views), self.grid.tile)
        held: list[Shaped] = []
        for wholes, below in self._objects(report, tell, journal, layer):
            explained = wholes if explainer is None else explainer.add(wholes, below)
            shaped = shape(explained, self.classes, options, self.gsd)
            if options.share_edges is None:
                yield self._features(shaped)
            else:
                held += shaped
        if options.share_edges is not None:
            gap, tolerance = options.share_edges / self.gsd, options.simplify_pixels(self.gsd)
            yield self._features(with_shared_edges(held, gap, tolerance))

    def views_for(
        self,
        fine: Survey,
        report: Report,
        tell: Callable[[Progress], None],
        journal: Journal | None,
        layer: int,
    ) -> Iterator[CoarseView]:
        """Look at all tiles for what is too long for a tile of a finer survey."""
        to_fine = ~fine.source.transform @ self.source.transform
        for wholes, _ in self._objects(report, tell, journal, layer):
            yield from coarse_views(wholes, to_fine, fine.grid.tile)

    def _objects(
        self,
        report: Report,
        tell: Callable[[Progress], None],
        journal: Journal | None,
        layer: int,
    ) -> Iterator[tuple[list[Whole], float]]:
        """For each row of tiles, the objects that no later row can see, and where that begins."""
        source = self.source
        size = source.width, source.height
        merger = Merger(size, self.grid.overlap, self.options.agreement, self.min_score)
        with closing(self._look(report, journal, layer)) as looked:
            for row, count in enumerate(self.wanted.sum(axis=1)):
                instances: list[Instance] = []
                for cell, findings, _ in islice(looked, int(count)):
                    instances += findings.on(cell)
                    tell(report.progress)
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
        return self.detector.card.min_score if chosen is None else chosen

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes 1..C."""
        return self.detector.card.classes

    @property
    def gsd(self) -> float:
        """Metres that a pixel measures, or is taken to measure."""
        return self.source.gsd or self.options.gsd or self.detector.card.gsd

    def _features(self, shaped: Sequence[Shaped]) -> GeoDataFrame:
        return to_features(shaped, self.source, self.classes, self.options, self.gsd, self.area)

    def _look(
        self, report: Report, journal: Journal | None, layer: int
    ) -> Generator[Looked, None, None]:
        """The findings of all wanted tiles, from the journal or by looking."""
        known = np.zeros_like(self.wanted)
        if journal is not None:
            journal.mark(layer, known)
        missing = self._cells(self.wanted & ~known)
        fresh = look(
            missing, self.open_source, self.detector, FAINT * self.min_score,
            strict=self.options.strict,
        )  # fmt: skip
        with closing(fresh):
            for cell in self._cells(self.wanted):
                if journal is not None and known[cell.row, cell.column]:
                    looked = Looked(cell, journal.find(layer, cell.row, cell.column))
                    report.resumed += 1
                else:
                    looked = next(fresh)
                    if journal is not None and not looked.problem:
                        journal.add(layer, cell.row, cell.column, looked.findings)
                report.count(looked.findings, self.min_score, looked.problem)
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
def open_survey(
    raster: str | os.PathLike[str], detector: Detector, options: Options
) -> Iterator[Survey]:
    """Open a raster to be looked at.

    Raises:
        RasterError, ModelError, DataError: saying in one line what does not fit.
    """
    card = detector.card
    side, overlap = tiling(card, options.tile, options.overlap)
    opened = partial(
        open_for, card, raster,
        gsd=options.gsd, bands=options.bands, scale=options.scale, aoi=options.aoi,
    )  # fmt: skip
    with opened() as source:
        grid = TileGrid(source.width, source.height, side, overlap, options.halfway, STRIDE)
        area = None if options.aoi is None else read_area(options.aoi, source)
        wanted = np.ones((grid.rows, grid.columns), bool) if area is None else area.touches(grid)
        survey = Survey(source, opened, grid, wanted, area, detector, options)
        if not options.coarse:
            yield survey
            return
        if source.gsd is None:
            raise RasterError(
                f"{source.path}: has no ground size to look at more coarsely; leave --coarse out"
            )
        larger = replace(options, gsd=FACTOR * (options.gsd or card.gsd), coarse=False)
        with open_survey(raster, detector, larger) as coarse:
            yield replace(survey, coarse=coarse)
