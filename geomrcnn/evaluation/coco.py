"""Average precision and recall as COCO defines them, by pycocotools.

Two things differ from a plain call of it. The cap on detections per image is raised: 100 would
hide most of a village. And boxes are not rounded on the way: soft masks are sampled at pixel
centres at their float boxes, as they are for polygons, and the truth is drawn by the same rule.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from geomrcnn.data.dataset import Dataset, Instance, Sample
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.errors import DataError, MissingExtraError
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.detector import Detections, Detector
from geomrcnn.vector.canvas import paste
from geomrcnn.vector.instance import Box

try:
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError as error:
    raise MissingExtraError("train", "scoring by COCO's rules") from error

KINDS = {"mask": "segm", "box": "bbox"}
"""What is compared, and pycocotools' name for it."""


def evaluate_dataset(
    detector: Detector, dataset: Dataset, *, max_detections: tuple[int, ...] = (1, 10, 1000)
) -> dict[str, float]:
    """Run a detector over every image, each as one tile of its own size, and score it.

    The detector must take tiles as large as the largest image.

    Returns:
        As `coco_scores`.

    Raises:
        DataError: the dataset has other classes than the detector.
    """
    if dataset.classes != detector.card.classes:
        raise DataError(
            f"the model finds {', '.join(detector.card.classes)}, "
            f"the labels are of {', '.join(dataset.classes)}"
        )
    truth, found = [], []
    for index in range(len(dataset)):
        sample = dataset.sample(index)
        found += detector.detect([whole_image(sample)])
        # Scoring needs the image's size only: keep no pixels.
        truth.append(Sample(np.empty((*sample.image.shape[:2], 0)), sample.instances))
    return coco_scores(truth, found, dataset.classes, max_detections=max_detections)


def coco_scores(
    truth: Sequence[Sample],
    detections: Sequence[Detections],
    classes: Sequence[str],
    *,
    max_detections: tuple[int, ...] = (1, 10, 1000),
) -> dict[str, float]:
    """Score the detections of each image against its labels.

    Args:
        truth: The labelled images; of `image` only the size counts.
        detections: As many, in pixels of the images.
        classes: Names of classes 1..C.
        max_detections: Detections per image and class to look at, rising; the best scores first.
            AP is taken at the last.

    Returns:
        For both kinds, "mask" and "box": "mask AP" (mean over IoU 0.50 to 0.95), "mask AP50",
        "mask AP75", and for every n of `max_detections` "mask AR@n". NaN where no label counts.
    """
    images = [
        {"id": i, "height": sample.image.shape[0], "width": sample.image.shape[1]}
        for i, sample in enumerate(truth)
    ]
    labels = [
        {"image_id": image["id"], **_label(instance, image["height"], image["width"])}
        for image, sample in zip(images, truth, strict=True)
        for instance in sample.instances
    ]
    results = [
        {"image_id": image["id"], **result}
        for image, found in zip(images, detections, strict=True)
        for result in _results(found, image["height"], image["width"])
    ]
    scores: dict[str, float] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        known, seen = (_as_coco(images, items, classes) for items in (labels, results))
        for name, kind in KINDS.items():
            evaluation = COCOeval(known, seen, kind)
            evaluation.params.maxDets = list(max_detections)
            evaluation.evaluate()
            evaluation.accumulate()
            scores |= _summary(name, evaluation.eval, max_detections)
    return scores


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


def whole_image(sample: Sample) -> Tile:
    """The sample's image as a tile."""
    height, width = sample.image.shape[:2]
    valid = np.ones((height, width), bool) if sample.valid is None else sample.valid
    return Tile(0, 0, Window(0, 0, width, height), sample.image, valid)


def _label(instance: Instance, height: int, width: int) -> dict[str, Any]:
    """A labelled object as a COCO annotation."""
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


def _results(found: Detections, height: int, width: int) -> list[dict[str, Any]]:
    """The detections of an image as COCO results."""
    results = []
    rows = zip(found.boxes, found.scores, found.classes, found.masks, strict=True)
    for box, score, class_id, mask in rows:
        x1, y1, x2, y2 = (float(side) for side in box)
        segmentation = pasted(mask, box, height, width)
        results.append(
            {
                "category_id": int(class_id),
                "segmentation": segmentation,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": float(coco_mask.area(segmentation)),
                "iscrowd": 0,
                "score": float(score),
            }
        )
    return results


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


def _as_coco(images: list[Any], annotations: list[Any], classes: Sequence[str]) -> COCO:
    """pycocotools' index of annotations, which need ids from 1."""
    coco = COCO()
    coco.dataset = {
        "images": images,
        "annotations": [{"id": i, **item} for i, item in enumerate(annotations, start=1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(classes, start=1)],
    }
    coco.createIndex()
    return coco


def _summary(name: str, result: Any, max_detections: tuple[int, ...]) -> dict[str, float]:
    """The usual figures over objects of all sizes.

    `precision` is [IoU, recall, class, size, cap], `recall` without the second axis; -1 marks
    classes without labels.
    """
    precision, recall = result["precision"][:, :, :, 0, -1], result["recall"][:, :, 0]
    scores = {"AP": precision, "AP50": precision[:1], "AP75": precision[5:6]}
    scores |= {f"AR@{n}": recall[..., k] for k, n in enumerate(max_detections)}
    return {f"{name} {key}": _mean(values) for key, values in scores.items()}


def _mean(values: np.ndarray) -> float:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else math.nan
