"""How well anchors meet the objects of a data set, and which would meet them better.

An anchor is the box from which a proposal starts; the box head can only refine what an anchor came
near. Positions count as much as sizes: an object of 10 pixels between two anchors of 10 that stand
16 apart overlaps neither by half.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.network.config import STRIDES

Boxes = npt.NDArray[np.float64]

STARTS = tuple(4 * 2 ** (k / 4) for k in range(17))
"""Candidates for the smallest anchor, 4 to 64 pixels in quarter octaves; each level doubles it."""

TALLEST = (1.5, 2.0, 2.5, 3.0)
"""Candidates for the ratio r of (1 / r, 1, r)."""

FIRST = 5000
"""Boxes at most that candidates are tried on."""


class Anchors(NamedTuple):
    """Fields of `MaskRCNNConfig`."""

    anchor_sizes: tuple[float, ...]
    anchor_ratios: tuple[float, ...]


def best_overlap(boxes: Boxes, anchors: Anchors) -> npt.NDArray[np.float64]:
    """IoU of each box with the anchor that meets it best.

    Anchors stand at all multiples of a level's stride. The nearest one of each shape overlaps
    most; on a grid it is within half a stride, across and down.

    Args:
        boxes: [N, (x1, y1, x2, y2)] in pixels of the image.
        anchors: One size for each of P2..P6.

    Returns:
        [N] in [0, 1].
    """
    best = np.zeros(len(boxes))
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    areas = sides.prod(axis=1)
    levels = zip(STRIDES, anchors.anchor_sizes, strict=True)
    for (stride, size), ratio in product(levels, anchors.anchor_ratios):
        anchor = size * np.array([ratio**-0.5, ratio**0.5])
        away = np.abs(centres - np.round(centres / stride) * stride)
        reach = (sides + anchor) / 2 - away
        shared = np.clip(np.minimum(reach, np.minimum(sides, anchor)), 0, None).prod(axis=1)
        best = np.maximum(best, shared / (areas + anchor.prod() - shared))
    return best


def suggest(boxes: Boxes) -> Anchors:
    """The anchors that meet these boxes best, of sizes that double from level to level.

    Best is the recall at IoU 0.5, to the hundredth, and of equal ones that at 0.7.

    Args:
        boxes: [N, (x1, y1, x2, y2)], at least one; evenly spread `FIRST` of them are tried.
    """
    some = boxes[np.linspace(0, len(boxes) - 1, min(FIRST, len(boxes))).astype(int)]
    candidates = [
        Anchors(_doubled(start), (round(1 / tall, 3), 1.0, tall))
        for start, tall in product(STARTS, TALLEST)
    ]

    def merit(anchors: Anchors) -> tuple[float, float]:
        half, more = recall(best_overlap(some, anchors), (0.5, 0.7))
        return round(half, 2), more

    return max(candidates, key=merit)


def _doubled(start: float) -> tuple[float, ...]:
    return tuple(float(round(start * 2**level)) for level in range(len(STRIDES)))


def recall(overlaps: npt.NDArray[np.float64], ious: Sequence[float]) -> tuple[float, ...]:
    """Share of boxes whose best anchor reaches each IoU."""
    return tuple(float((overlaps >= iou).mean()) for iou in ious)
