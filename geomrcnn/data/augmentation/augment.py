"""One random view, all steps in order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geomrcnn.data.augmentation.colours import jitter_colours
from geomrcnn.data.augmentation.config import Augmentation
from geomrcnn.data.augmentation.copy_paste import paste
from geomrcnn.data.augmentation.views import flip, quarter_turns, random_view
from geomrcnn.data.dataset import Sample
from geomrcnn.data.statistics import BYTES, ValueRange


def augment(
    sample: Sample,
    tile: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
    values: ValueRange = BYTES,
    another: Callable[[np.random.Generator], Sample] | None = None,
) -> Sample:
    """One random view of `sample`.

    Args:
        sample: Any.
        tile: Side of the view in pixels.
        augmentation: How far to stray.
        rng: Decides.
        values: As for `jitter_colours`.
        another: Draws a sample whose objects may be pasted in; none are without.
    """
    view = _placed(sample, tile, augmentation, rng)
    if another is not None and rng.random() < augmentation.pasted:
        view = paste(view, _placed(another(rng), tile, augmentation, rng), augmentation, rng)
    return jitter_colours(view, augmentation, rng, values)


def _placed(
    sample: Sample, tile: int, augmentation: Augmentation, rng: np.random.Generator
) -> Sample:
    """A view at a random place, mirrored and turned."""
    view = random_view(sample, tile, augmentation, rng)
    if augmentation.flips:
        if rng.random() < 0.5:
            view = flip(view)
        view = quarter_turns(view, int(rng.integers(4)))
    return view
