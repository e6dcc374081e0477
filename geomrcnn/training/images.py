"""The images of a run: what it learns from and what it is measured on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rasterio.errors import NotGeoreferencedWarning

from geomrcnn.data.dataset import ConcatDataset, Dataset
from geomrcnn.training.sources import Data, OnWindow, as_source, splits_of, together

EVERY = 10.0
"""Seconds between two lines about one raster."""


class Images(NamedTuple):
    """All sources together, and what AP is measured on, if anything."""

    dataset: ConcatDataset
    validation: Dataset | None


def open_images(
    data: Sequence[Data],
    validation: Data | None,
    *,
    gsd: float,
    bands: Sequence[int] | None,
    tile: int,
    say: Callable[[str], None],
) -> Images:
    """Open all data, and say what is in it.

    Args:
        data: The sources.
        validation: What to measure on; by default what the sources set apart for it.
        gsd: Metres a pixel that all imagery is brought to.
        bands: Numbers from 1 of the bands to read; None is all but alpha.
        tile: Side of the tiles that will be drawn.
        say: Prints a line.

    Raises:
        GeomrcnnError: naming what cannot be read or does not go together.
    """
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)  # gsd says what matters
    opened = [
        splits_of(one, gsd, bands, tile, apart=validation is None, on_window=_told_of(one, say))
        for one in data
    ]
    for one, splits in zip(data, opened, strict=True):
        for name, report in splits.reports.items():
            say(f"{as_source(one)}, {name}: {report}")
    dataset = together(opened, data)
    if validation is None:
        measured = [splits.val for splits in opened if splits.val is not None]
    else:
        found = splits_of(validation, gsd, bands, tile, on_window=_told_of(validation, say))
        measured = [found.train if found.val is None else found.val]
        say(f"{as_source(validation)}: {len(measured[0])} images to validate on")
    if not measured:
        say("there is nothing to validate on (--val): the model will have the last weights")
        return Images(dataset, None)
    return Images(dataset, ConcatDataset(measured, classes=dataset.classes))


def _told_of(data: Data, say: Callable[[str], None]) -> OnWindow:
    """Say how far the work on rasters is, where it takes long."""
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            say(f"{as_source(data)}: {done} of {total} windows looked at")

    return tell
