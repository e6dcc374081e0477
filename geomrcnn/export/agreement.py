"""How far two versions of a network find the same: without labels, and without a threshold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geomrcnn.runtime.detector import Detections

Floats = npt.NDArray[np.float64]


def agreement(ours: Detections, theirs: Detections) -> float:
    """From 0 to 1, how far two lists of detections in one image are the same.

    Each detection looks for its twin in the other list, the one of its class with the highest IoU.
    Box, mask and score are compared with the twin's, each by a ratio of which 1 is the same, and
    the product is averaged over all detections of both lists. Sure ones count for more: the
    weight is the score.
    """
    weight = sum(float(found.scores.sum(dtype=np.float64)) for found in (ours, theirs))
    if not weight:
        return 1.0
    if not (len(ours) and len(theirs)):
        return 0.0
    iou = _box_iou(ours.boxes, theirs.boxes)
    iou *= ours.classes[:, None] == theirs.classes[None]
    return (_likeness(ours, theirs, iou) + _likeness(theirs, ours, iou.T)) / weight


def _likeness(ours: Detections, theirs: Detections, iou: Floats) -> float:
    """The sum over our detections of score × likeness to the twin."""
    twin = iou.argmax(axis=1)
    scores = np.stack([ours.scores, theirs.scores[twin]]).astype(np.float64)
    masks = np.stack([ours.masks, theirs.masks[twin]]).astype(np.float64)
    both, either = masks.min(axis=0).sum(axis=(1, 2)), masks.max(axis=0).sum(axis=(1, 2))
    alike = iou.max(axis=1) * _ratio(both, either) * _ratio(scores.min(0), scores.max(0))
    return float((scores[0] * alike).sum())


def _ratio(small: Floats, large: Floats) -> Floats:
    """The one over the other; 1 where both are 0."""
    return np.divide(small, large, out=np.ones_like(small), where=large > 0)


def _box_iou(ours: np.ndarray, theirs: np.ndarray) -> Floats:
    """[N, M] of boxes [N, 4] and [M, 4]."""
    ours, theirs = ours.astype(np.float64)[:, None], theirs.astype(np.float64)[None]
    corner = np.maximum(ours[..., :2], theirs[..., :2])
    sides = np.minimum(ours[..., 2:], theirs[..., 2:]) - corner
    common = np.maximum(sides, 0).prod(axis=-1)
    total = _area(ours) + _area(theirs) - common
    shares: Floats = np.divide(common, total, out=np.zeros_like(common), where=total > 0)
    return shares


def _area(boxes: Floats) -> Floats:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))
