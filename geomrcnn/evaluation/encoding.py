"""Labels and detections as pycocotools wants them: dictionaries with run-length masks.

Boxes are not rounded on the way: soft masks are sampled at pixel centres at their float boxes, as
they are for polygons, and the truth is drawn by the same rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from geomrcnn.data.dataset import Instance
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.errors import MissingExtraError
from geomrcnn.raster.tile import Window
from geomrcnn.runtime.detector import Detections
from geomrcnn.vector.canvas import paste
from geomrcnn.vector.instance import Box

try:
    from pycocotools import mask as coco_mask
except ImportError as error:
    raise MissingExtraError("train", "scoring by COCO's rules") from error


def label(instance: Instance, height: int, width: int) -> dict[str, Any]:
    """A labelled object of an image of that size as a COCO annotation, without ids."""
    x1, y1, x2, y2 = instance.box
    window = _pixels_of(Box(x1, y1, x2, y2), height, width)
    mask = pixel_mask(instance.geometry, window).astype(bool)
    return {
        "category_id": instance.class_id,
        "segmentation": _run_lengths(mask, window, height, width),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": instance.geometry.area,
        "iscrowd": int(instance.crowd),
    }


def results(found: Detections, height: int, width: int) -> list[dict[str, Any]]:
    """The detections in an image of that size as COCO results, without ids."""
    made = []
    rows = zip(found.boxes, found.scores, found.classes, found.masks, strict=True)
    for box, score, class_id, mask in rows:
        x1, y1, x2, y2 = (float(side) for side in box)
        segmentation = pasted(mask, box, height, width)
        made.append(
            {
                "category_id": int(class_id),
                "segmentation": segmentation,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": float(coco_mask.area(segmentation)),
                "iscrowd": 0,
                "score": float(score),
            }
        )
    return made


def overlaps(found: list[dict[str, Any]], labels: list[dict[str, Any]]) -> np.ndarray:
    """[N, M] intersection over union of masks; of crowds over the area of the detection."""
    if not found or not labels:
        return np.zeros((len(found), len(labels)))
    crowd = [item["iscrowd"] for item in labels]
    masks = ([item["segmentation"] for item in side] for side in (found, labels))
    return np.asarray(coco_mask.iou(*masks, crowd))


def pasted(mask: np.ndarray, box: np.ndarray, height: int, width: int) -> dict[str, Any]:
    """A soft mask at its float box, as the run-length mask of a whole image.

    Args:
        mask: [m, m] probabilities over the box.
        box: (x1, y1, x2, y2) in pixels; it may reach beyond the image.
        height: Rows of the image.
        width: Columns of the image.

    Returns:
        pycocotools' RLE of the pixels at whose centre the probability is at least 0.5.
    """
    place = Box(*(float(side) for side in box))
    window = _pixels_of(place, height, width)
    if place.width <= 0 or place.height <= 0 or window.width <= 0 or window.height <= 0:
        return _run_lengths(np.zeros((0, 0), bool), Window(0, 0, 0, 0), height, width)
    x = np.arange(window.width) + window.column + 0.5
    y = np.arange(window.height) + window.row + 0.5
    return _run_lengths(paste(mask, place, x, y) >= 0.5, window, height, width)


def _pixels_of(box: Box, height: int, width: int) -> Window:
    """The pixels of an image that a box touches."""
    x1, y1 = max(math.floor(box.x1), 0), max(math.floor(box.y1), 0)
    x2, y2 = min(math.ceil(box.x2), width), min(math.ceil(box.y2), height)
    return Window(x1, y1, max(x2 - x1, 0), max(y2 - y1, 0))


def _run_lengths(
    mask: npt.NDArray[np.bool_], window: Window, height: int, width: int
) -> dict[str, Any]:
    """COCO's run-length encoding (down the columns, zeros first) of a mask at its window.

    Only the columns the window has are ever drawn.
    """
    columns = np.zeros((height, window.width), bool)
    columns[window.row : window.row + window.height] = mask
    edges = np.flatnonzero(np.diff(columns.ravel(order="F"), prepend=False, append=False))
    starts = edges + window.column * height
    counts = np.diff(starts, prepend=0, append=height * width)
    rle: dict[str, Any] = coco_mask.frPyObjects(
        {"counts": counts.tolist(), "size": [height, width]}, height, width
    )
    return rle
