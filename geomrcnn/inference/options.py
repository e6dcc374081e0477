"""How to look at rasters, and what to tell of it."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import ModelError
from geomrcnn.inference.findings import Findings
from geomrcnn.raster.scaling import Method
from geomrcnn.vector.merge import AGREEMENT
from geomrcnn.vector.outlines import OutlineOptions
from geomrcnn.vector.simplify import TOLERANCE

ANY_CLASS = "*"

SHAPE_TOLERANCE = 2.5
"""Default in pixels: what rounded corners of objects of some 50 pixels need."""


@dataclass(frozen=True)
class Options:
    """How to look at a raster. None is the model's own choice.

    Attributes:
        min_score: Score from which an object counts.
        tile: Side of the tiles in pixels.
        overlap: Pixels that neighbouring tiles share.
        halfway: Whether tiles lie midway between those of the usual grid; see `TileGrid`.
        coarse: Whether to look a second time, with larger pixels, for objects longer than a tile.
        bands: Numbers from 1, or names, of the bands to show the model, in its order; None finds
            them by their names.
        scale: How values are adapted to those the model knows; None only takes rasters that need
            no adapting.
        gsd: Metres on the ground to a pixel that the raster is resampled to. A raster that is
            not georeferenced is taken to have it.
        aoi: Vector file in any CRS. Tiles that do not touch it are passed over, and objects
            outside are left out.
        agreement: Intersection over union, where two tiles overlap, from which what they saw
            is one object.
        simplify: Metres that simplification may move an outline; None is a quarter of a pixel.
        shapes: What outlines are made into, a key of `regularise.SHAPES`, by class; under
            `ANY_CLASS` for all others.
        shape_tolerance: Metres that this may move an outline; None is two and a half pixels.
        share_edges: Neighbours of one class that lie closer than this many metres get one common
            edge. All objects of the raster are held in memory for it.
        fill_holes: Holes smaller than this many square metres are filled.
        parts: What becomes of an object in several parts, one of `outlines.PARTS`.
        min_area: Objects smaller than this many square metres are left out, ...
        max_area: ... and so are larger ones.
        strict: Whether a part of the raster that cannot be read ends the run, instead of being
            passed over and told of.
    """

    min_score: float | None = None
    tile: int | None = None
    overlap: int | None = None
    halfway: bool = False
    coarse: bool = False
    bands: Sequence[int | str] | None = None
    scale: Method | None = None
    gsd: float | None = None
    aoi: str | os.PathLike[str] | None = None
    agreement: float = AGREEMENT
    simplify: float | None = None
    shapes: Mapping[str, str] = field(default_factory=dict)
    shape_tolerance: float | None = None
    share_edges: float | None = None
    fill_holes: float = 0.0
    parts: str = "keep"
    min_area: float = 0.0
    max_area: float = math.inf
    strict: bool = False

    def outlines(self, class_name: str, gsd: float) -> OutlineOptions:
        """What outlines of a class should be like, in pixels of `gsd` metres.

        Raises:
            ValueError: for a shape or a choice that there is not.
        """
        return OutlineOptions(
            # Shared edges are simplified together, when all are known.
            simplify=0.0 if self.share_edges is not None else self.simplify_pixels(gsd),
            shape=self.shapes.get(class_name, self.shapes.get(ANY_CLASS)),
            shape_tolerance=SHAPE_TOLERANCE
            if self.shape_tolerance is None
            else self.shape_tolerance / gsd,
            fill_holes=self.fill_holes / gsd**2,
            parts=self.parts,
        )

    def simplify_pixels(self, gsd: float) -> float:
        """How far simplification may move an outline, in pixels of `gsd` metres."""
        return TOLERANCE if self.simplify is None else self.simplify / gsd


class Progress(NamedTuple):
    """How far a prediction is.

    Attributes:
        done: Tiles behind us.
        total: All tiles.
        skipped: Tiles among those done that were not shown to the model.
        objects: Detections so far; an object on a seam counts once for each tile.
    """

    done: int
    total: int
    skipped: int
    objects: int


@dataclass
class Report:
    """What became of the tiles of a run: every one is either processed or skipped.

    Attributes:
        tiles: Tiles of the rasters, or of the area of interest.
        processed: Those that the model saw, now or before the run was broken off.
        skipped: Number of tiles that it did not see, by reason: "nodata", "unreadable".
        resumed: Tiles that were taken from the journal.
        detections: Objects of all tiles; one on a seam counts once for each.
        objects: Features.
        unreadable: What could not be read, and why.
        warnings: What a user may not expect.
        seconds: Wall time.
        device: What ran the model.
    """

    tiles: int = 0
    processed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    detections: int = 0
    objects: int = 0
    unreadable: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    device: str = ""

    def count(self, findings: Findings, min_score: float, problem: str) -> None:
        """Take note of a tile; `min_score` is that from which an object counts."""
        if findings.skipped:
            self.skipped[findings.skipped] += 1
        else:
            self.processed += 1
            self.detections += int(np.count_nonzero(findings.scores >= min_score))
        if problem:
            self.unreadable.append(problem)

    @property
    def progress(self) -> Progress:
        """How far the run is."""
        passed = sum(self.skipped.values())
        return Progress(self.processed + passed, self.tiles, passed, self.detections)


def tiling(card: ModelCard, tile: int | None, overlap: int | None) -> tuple[int, int]:
    """Side and overlap of the tiles in pixels, the card's where none is given.

    Raises:
        ModelError: if they contradict each other.
    """
    side = card.tile if tile is None else tile
    shared = min(card.overlap, side // 2) if overlap is None else overlap
    if not 0 <= shared < side:
        raise ModelError(
            f"tiles of {side} pixels cannot overlap by {shared}: choose less than {side}, "
            "or larger tiles"
        )
    return side, shared
