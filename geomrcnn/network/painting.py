"""Soft masks painted into whole images, by each geometry's way of taking boxes to pixels.

All are bilinear between the cells' centres, zero beyond the mask, and split at one half; they
differ in the box that the mask's cells divide.
"""

from __future__ import annotations

import numpy as np


def whole_boxes(boxes: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] with corners on whole pixels, float64: what matterport reports."""
    return np.round(boxes.astype(np.float64))


def paint(
    masks: np.ndarray, boxes: np.ndarray, height: int, width: int, geometry: str = "aligned"
) -> np.ndarray:
    """The pixels of each object, [N, height, width] bool.

    Args:
        masks: [N, m, m] probabilities.
        boxes: [N, 4] pixels.
        height: Of the image.
        width: Of the image.
        geometry: "aligned" takes boxes as they are; "matterport" rounds them to whole pixels;
            "torchvision" puts a ring of empty cells around the mask and cuts the box that this
            makes to whole pixels, the last one included.
    """
    if geometry == "matterport":
        boxes = whole_boxes(boxes)
    elif geometry == "torchvision":
        boxes, masks = _ringed(boxes, masks)
    painted = np.zeros((len(masks), height, width), bool)
    for mask, (x1, y1, x2, y2), pixels in zip(masks, boxes, painted, strict=True):
        rows, columns = _weights(y1, y2, height, len(mask)), _weights(x1, x2, width, len(mask))
        pixels[:] = rows @ mask @ columns.T >= 0.5
        if geometry == "matterport" and mask.min() >= 0.5:
            # The original lifts what it has resized to the least value of the mask.
            pixels[_inside(y1, y2), _inside(x1, x2)] = True
    return painted


def _inside(start: float, end: float) -> slice:
    return slice(max(int(start), 0), max(int(end), 0))


def _ringed(boxes: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    cells = masks.shape[-1]
    half *= np.float32((cells + 2) / cells)
    corners = np.concatenate([np.trunc(centre - half), np.trunc(centre + half) + 1], axis=1)
    return corners, np.pad(masks, ((0, 0), (1, 1), (1, 1)))


def _weights(start: float, end: float, pixels: int, cells: int) -> np.ndarray:
    """[pixels, cells]: how much each cell of a mask from `start` to `end` counts for a pixel."""
    if end <= start:
        return np.zeros((pixels, cells))
    place = (np.arange(pixels) + 0.5 - start) / (end - start) * cells - 0.5
    weights: np.ndarray = np.maximum(1 - np.abs(place[:, None] - np.arange(cells)), 0)
    return weights
