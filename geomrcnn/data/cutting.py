"""Which windows of labelled rasters become chips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.data.blocks import (
    SPLITS,
    BlockGrid,
    block_grids,
    deal,
    overlapping,
    same_ground,
)
from geomrcnn.data.labelled_raster import LabelledRaster
from geomrcnn.errors import DataError, TooFewBlocksError
from geomrcnn.raster.tile import Window

LEAST_DATA = 0.1
"""Share of a chip, or of the raster where that is smaller, that must be data, and in the area of
interest."""

SLIVER = 0.001
"""Share of a chip that another raster's chip may show without being called a leak: pixels of two
grids never end in the same place."""


@dataclass(frozen=True)
class Cutting:
    """How rasters are cut.

    Attributes:
        tile: Side of a chip in pixels.
        overlap: Pixels that neighbouring chips of a block share at least.
        negatives: Share of the chips that hold no object, if there are enough of them.
        min_visible: Share of an object that a chip must show for it to count as one.
        split: Shares of the objects for training, validation and test.
        block: Tiles along the side of the blocks that are dealt to the splits; None: as many, up
            to 4, as leaves blocks enough to deal, and with a single split the whole raster.
        seed: Decides which blocks go where, and which negatives are taken.
    """

    tile: int = 512
    overlap: int = 0
    negatives: float = 0.2
    min_visible: float = 0.2
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    block: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work.

        Raises:
            DataError: naming the number.
        """
        faults = [
            (self.tile < 1, "the tile must be at least 1 pixel"),
            (not 0 <= self.overlap < self.tile, "the overlap must be less than the tile"),
            (not 0 <= self.negatives < 1, "the share of negatives must be at least 0, less than 1"),
            (not 0 <= self.min_visible <= 1, "the visible share must be between 0 and 1"),
            (self.block is not None and self.block < 1, "a block has 1 tile a side or more"),
            (
                min(self.split) < 0 or self.split[0] <= 0,
                "the split must be three shares for training, validation and test, the first of "
                "them more than 0",
            ),
            (self.seed < 0, "the seed must be 0 or more"),
        ]
        for wrong, message in faults:
            if wrong:
                raise DataError(f"cutting: {message}")


EVERYTHING = Cutting(tile=1024, split=(1.0, 0.0, 0.0))
"""All for training, in chips larger than a training tile: random views of them can be zoomed and
moved without an empty margin."""


class Chip(NamedTuple):
    """A window of a raster to learn from.

    Attributes:
        raster: Which raster it is of.
        window: Where, in pixels at the GSD.
        split: One of `SPLITS`.
        objects: Number of objects per class, crowds left out.
        crowds: Number of crowds.
    """

    raster: int
    window: Window
    split: str
    objects: tuple[int, ...]
    crowds: int


@dataclass(frozen=True)
class Cut:
    """The chips, and what was left out.

    Attributes:
        chips: In the order train, val, test, and of the rasters.
        without_data: Windows left out for too much nodata, or too little area of interest.
        only_crowds: Windows left out because no object in them is whole enough.
        leaks: Chips left out because another raster shows their ground in another split.
        block: Pixels along the side of a block; the longest of all where rasters are not divided.
    """

    chips: tuple[Chip, ...]
    without_data: int
    only_crowds: int
    leaks: int
    block: int


class _Seen(NamedTuple):
    """A window that has been looked at, in its block."""

    block: int
    raster: int
    window: Window
    objects: tuple[int, ...]
    crowds: int

    def chip(self, splits: npt.NDArray[np.int64]) -> Chip:
        """The chip of it, once blocks are dealt."""
        return Chip(self.raster, self.window, SPLITS[splits[self.block]], self.objects, self.crowds)


def cut(
    rasters: Sequence[LabelledRaster],
    classes: int,
    cutting: Cutting,
    on_window: Callable[[int, int], None] = lambda done, total: None,
) -> Cut:
    """Choose the chips of labelled rasters: all windows with objects, and some without.

    Tiles are laid within blocks of ground, and blocks are dealt to the splits, so that no pixel is
    in two of them. Windows are looked at one by one; memory does not grow with the rasters.

    Args:
        rasters: With their labels.
        classes: How many there are.
        cutting: How to cut.
        on_window: Hears how many of the windows with labels have been looked at, and of how many.

    Raises:
        DataError: no label lies on a raster, there are too few to split, or no chip is left.
        RasterError: a raster cannot be read.
    """
    _check_labels(rasters)
    grids = _grids(rasters, cutting)
    chooser = _Chooser(rasters, grids, classes, cutting)
    seen = chooser.with_objects(on_window)
    counts = np.zeros((sum(map(len, grids)), classes), np.int64)
    for window in seen:
        counts[window.block] += window.objects
    if not seen:
        raise DataError(
            f"{rasters[0].path}: no chip is left to train on: {chooser.without_data} windows hold "
            f"hardly any data, and {chooser.only_crowds} only fragments of objects"
        )
    splits = deal(counts, same_ground(rasters, grids), cutting.split, cutting.seed)
    chips = [window.chip(splits) for window in seen]
    chips += [window.chip(splits) for window in chooser.without_objects(splits, chips)]
    kept = _without_leaks(chips, rasters)
    _check_splits(kept, cutting, f"{rasters[0].path}: of {len(chips)} chips")
    kept.sort(key=lambda chip: (SPLITS.index(chip.split), chip.raster, chip.window))
    return Cut(
        chips=tuple(kept),
        without_data=chooser.without_data,
        only_crowds=chooser.only_crowds,
        leaks=len(chips) - len(kept),
        block=max(grid.side for grid in grids),
    )


def _grids(rasters: Sequence[LabelledRaster], cutting: Cutting) -> list[BlockGrid]:
    """The blocks; a single block a raster where nothing is to be kept apart."""
    if cutting.block is None and sum(share > 0 for share in cutting.split) == 1:
        return [BlockGrid(r.width, r.height, max(r.width, r.height)) for r in rasters]
    return block_grids(rasters, cutting.tile, cutting.overlap, cutting.block)


def _check_labels(rasters: Sequence[LabelledRaster]) -> None:
    if not any(len(raster.labels.geometries) for raster in rasters):
        raise DataError(
            f"no label lies on {rasters[0].path}"
            f"{' or on one of the other rasters' if len(rasters) > 1 else ''}"
            f"{', within the area of interest' if rasters[0].area is not None else ''}"
        )


def _check_splits(kept: Sequence[Chip], cutting: Cutting, among: str) -> None:
    """Refuse a split that is wanted and has no chip left, once leaks are stopped."""
    for split, share in zip(SPLITS, cutting.split, strict=True):
        if share > 0 and not any(chip.split == split for chip in kept):
            raise TooFewBlocksError(
                f"{among} none is left for {split}: their ground is seen by another raster in "
                "another split; choose a smaller --tile or --block, another --seed, or "
                "--split 1 0 0"
            )


class _Chooser:
    """Looks at windows, and counts why some become no chips."""

    def __init__(
        self,
        rasters: Sequence[LabelledRaster],
        grids: Sequence[BlockGrid],
        classes: int,
        cutting: Cutting,
    ) -> None:
        self._rasters, self._grids = rasters, grids
        self._classes, self._cutting = classes, cutting
        self._blocks = [(k, index) for k, grid in enumerate(grids) for index in range(len(grid))]
        self.without_data = self.only_crowds = 0

    def with_objects(self, on_window: Callable[[int, int], None]) -> list[_Seen]:
        """All windows with objects."""
        touched = [
            (number, window)
            for number in range(len(self._blocks))
            for window in self._windows(number, labelled=True)
        ]
        found = []
        for done, (number, window) in enumerate(touched, start=1):
            seen = self._look(number, window)
            if seen is not None and any(seen.objects):
                found.append(seen)
            elif seen is not None:
                self.only_crowds += seen.crowds > 0
            on_window(done, len(touched))
        return found

    def without_objects(self, splits: npt.NDArray[np.int64], chips: list[Chip]) -> list[_Seen]:
        """Windows without labels: one of each block, in a random order, then a second, and so on.

        Args:
            splits: [blocks].
            chips: Those with objects: of each split, the negatives follow from their number.
        """
        share = self._cutting.negatives / (1 - self._cutting.negatives)
        wanted = [round(share * sum(chip.split == split for chip in chips)) for split in SPLITS]
        rng = np.random.default_rng([self._cutting.seed, 1])
        blocks = rng.permutation(len(self._blocks)).tolist()
        queues, found = {number: self._mixed(number) for number in blocks}, []
        while queues and any(wanted):
            for number, windows in list(queues.items()):
                window = next(windows, None) if wanted[splits[number]] else None
                if window is None:
                    del queues[number]
                    continue
                seen = self._look(number, window)
                if seen is not None and not seen.crowds:
                    found.append(seen)
                    wanted[splits[number]] -= 1
        return found

    def _mixed(self, number: int) -> Iterator[Window]:
        """Windows of a block that no label touches, in a random order."""
        windows = list(self._windows(number, labelled=False))
        rng = np.random.default_rng([self._cutting.seed, 2, number])
        for place in rng.permutation(len(windows)):
            yield windows[place]

    def _windows(self, number: int, labelled: bool) -> Iterator[Window]:
        """Windows of a block that labels touch, or that none does, within the area of interest."""
        owner, index = self._blocks[number]
        raster, grid = self._rasters[owner], self._grids[owner]
        area = raster.area
        if area is not None and not len(area.touching(grid.window(index))):
            return
        block_is_labelled = len(raster.labels.touching(grid.window(index))) > 0
        if labelled and not block_is_labelled:
            return
        for window in grid.tiles(index, self._cutting.tile, self._cutting.overlap):
            has_labels = block_is_labelled and len(raster.labels.touching(window)) > 0
            inside = area is None or len(area.touching(window)) > 0
            if has_labels == labelled and inside:
                yield window

    def _look(self, number: int, window: Window) -> _Seen | None:
        """What a window of a block shows; None if there is too little data."""
        owner = self._blocks[number][0]
        raster, tile = self._rasters[owner], self._cutting.tile
        sample = raster.sample(window, self._cutting.min_visible)
        most = min(tile, raster.width) * min(tile, raster.height)
        if sample.valid is not None and sample.valid.sum() < LEAST_DATA * most:
            self.without_data += 1
            return None
        ids = [i.class_id for i in sample.instances if not i.crowd]
        counts = np.bincount(ids, minlength=self._classes + 1)[1:]
        crowds = len(sample.instances) - len(ids)
        return _Seen(number, owner, window, tuple(map(int, counts)), crowds)


def _without_leaks(chips: list[Chip], rasters: Sequence[LabelledRaster]) -> list[Chip]:
    """The chips whose ground no chip of a later split shows as well.

    Of two such chips the one for training goes, or else the one for validation.
    """
    if len(rasters) < 2 or len({chip.split for chip in chips}) < 2:
        return chips
    owners = np.array([chip.raster for chip in chips])
    left, right = overlapping(rasters, owners, [chip.window for chip in chips], SLIVER)
    ranks = np.array([SPLITS.index(chip.split) for chip in chips])
    earlier = np.where(ranks[left] < ranks[right], left, right)
    lost = set(earlier[ranks[left] != ranks[right]].tolist())
    return [chip for k, chip in enumerate(chips) if k not in lost]
