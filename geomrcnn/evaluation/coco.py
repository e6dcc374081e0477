"""Average precision and recall as COCO defines them, by pycocotools.

One thing differs from a plain call of it: the cap on detections per image is raised, for 100 would
hide most of a village.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from geomrcnn.errors import MissingExtraError

try:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError as error:
    raise MissingExtraError("train", "scoring by COCO's rules") from error

KINDS = {"mask": "segm", "box": "bbox"}
"""What is compared, and pycocotools' name for it."""

SIZES = ("small", "medium", "large")
"""COCO's: below 32² pixels, below 96², and above; its first range is that of all sizes."""

MAX_DETECTIONS = (1, 10, 1000)

Figures = dict[str, float]


class Scene(NamedTuple):
    """One image's labels and detections, encoded as in `encoding.py`."""

    height: int
    width: int
    labels: list[dict[str, Any]]
    results: list[dict[str, Any]]


@dataclass(frozen=True)
class CocoScores:
    """Figures by name; NaN where no label counts.

    For both kinds, "mask" and "box": "mask AP" (mean over IoU 0.50 to 0.95), "mask AP50",
    "mask AP75", and for every cap n "mask AR@n".

    Attributes:
        overall: Over objects of all sizes, mean over the classes.
        by_size: The same of the objects of each size of `SIZES`, in pixels.
        by_class: Over all sizes, by name of the class.
    """

    overall: Figures
    by_size: dict[str, Figures]
    by_class: dict[str, Figures]


def coco_scores(
    scenes: Sequence[Scene],
    classes: Sequence[str],
    *,
    max_detections: tuple[int, ...] = MAX_DETECTIONS,
) -> CocoScores:
    """Score the detections of images against their labels.

    Args:
        scenes: The images.
        classes: Names of classes 1..C.
        max_detections: Detections per image and class to look at, rising; the best scores first.
            AP is taken at the last.
    """
    images = [
        {"id": i, "height": scene.height, "width": scene.width} for i, scene in enumerate(scenes)
    ]
    overall: Figures = {}
    by_size: dict[str, Figures] = {name: {} for name in SIZES}
    by_class: dict[str, Figures] = {name: {} for name in classes}
    with contextlib.redirect_stdout(io.StringIO()):
        known = _as_coco(images, [scene.labels for scene in scenes], classes)
        for kind, name in KINDS.items():
            seen = _as_coco(images, [_sized(scene.results, name) for scene in scenes], classes)
            evaluation = COCOeval(known, seen, name)
            evaluation.params.maxDets = list(max_detections)
            evaluation.evaluate()
            evaluation.accumulate()
            tables = evaluation.eval["precision"], evaluation.eval["recall"]
            overall |= _figures(kind, *tables, max_detections)
            for size, of_size in enumerate(by_size.values(), start=1):
                of_size |= _figures(kind, *tables, max_detections, size=size)
            for place, of_class in enumerate(by_class.values()):
                one = slice(place, place + 1)
                of_class |= _figures(kind, *tables, max_detections, classes=one)
    return CocoScores(overall, by_size, by_class)


def _sized(results: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Results with the area of what is compared: of boxes their own, as pycocotools loads them.

    It decides which of those that find nothing are outside a range of sizes, hence not wrong.
    """
    if name != KINDS["box"]:
        return results
    return [{**item, "area": item["bbox"][2] * item["bbox"][3]} for item in results]


def _as_coco(images: list[Any], items: list[list[Any]], classes: Sequence[str]) -> COCO:
    """pycocotools' index of the annotations of each image, which need ids from 1."""
    placed = [
        {"image_id": image["id"], **item}
        for image, of_image in zip(images, items, strict=True)
        for item in of_image
    ]
    coco = COCO()
    coco.dataset = {
        "images": images,
        "annotations": [{"id": i, **item} for i, item in enumerate(placed, start=1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(classes, start=1)],
    }
    coco.createIndex()
    return coco


def _figures(
    kind: str,
    precision: np.ndarray,
    recall: np.ndarray,
    max_detections: tuple[int, ...],
    *,
    size: int = 0,
    classes: slice = slice(None),
) -> Figures:
    """The usual figures of some classes and one range of sizes.

    Args:
        kind: What the names begin with.
        precision: [IoU, recall, class, size, cap] from pycocotools; -1 marks what has no labels.
        recall: [IoU, class, size, cap].
        max_detections: The caps.
        size: Place of the range of sizes.
        classes: Places of the classes.
    """
    precise, recalled = precision[:, :, classes, size, -1], recall[:, classes, size]
    figures = {"AP": precise, "AP50": precise[:1], "AP75": precise[5:6]}
    figures |= {f"AR@{n}": recalled[..., k] for k, n in enumerate(max_detections)}
    return {f"{kind} {name}": _mean(values) for name, values in figures.items()}


def _mean(values: np.ndarray) -> float:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else math.nan
