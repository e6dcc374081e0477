"""Boxes one at a time."""

from __future__ import annotations

import math

import numpy as np


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy NMS by the book; ties go to the lower index."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(iou(boxes[i], boxes[k]) <= threshold for k in kept):
            kept.append(i)
    return kept


def matterport_level(box: np.ndarray, height: int, width: int) -> int:
    """matterport's level of a box normalised by (side - 1), P2..P5."""
    side = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    if side == 0:
        return 2
    return min(5, max(2, 4 + round(math.log2(side / (224 / math.sqrt(height * width))))))


def level(box: np.ndarray) -> int:
    """FPN's level of an RoI, P2..P5."""
    side = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    if side == 0:
        return 2
    return min(5, max(2, math.floor(4 + math.log2(side / 224) + 1e-6)))
