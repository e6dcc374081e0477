"""All our figures against those of pycocotools, called as its documentation says."""

from __future__ import annotations

import contextlib
import copy
import io
import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.evaluation.coco import KINDS, MAX_DETECTIONS, SIZES
from geomrcnn.evaluation.encoding import label, pasted
from geomrcnn.evaluation.evaluation import evaluate_detections
from geomrcnn.runtime.detector import Detections

CLASSES = ("field", "pond")
SIDE = 160
IDS = [1, 2]


def random_sample(rng: np.random.Generator, count: int) -> Sample:
    """Boxes of all sizes of COCO; some are crowds."""
    corners, sides = rng.integers(0, 100, (count, 2)), rng.integers(8, 140, (count, 2))
    far = np.minimum(corners + sides, SIDE)
    shapes = shapely.box(*corners.T, *far.T)
    kinds, crowds = rng.integers(1, 3, count), rng.random(count) < 0.2
    rows = zip(shapes, kinds, crowds, strict=True)
    return Sample(
        np.empty((SIDE, SIDE, 0)), tuple(Instance(s, int(k), bool(c)) for s, k, c in rows)
    )


def random_detections(rng: np.random.Generator, sample: Sample, strays: int) -> Detections:
    """Some of the objects a bit beside, twice, or of the other class, and some that are none.

    A mask fills all of its box, or so little that its size is another than the box's.
    """
    seen = [i for i in sample.instances for _ in range(int(rng.integers(0, 3)))]
    extra = random_sample(rng, strays).instances
    boxes = np.array([i.box for i in (*seen, *extra)], np.float64).reshape(-1, 4)
    boxes = np.clip(boxes + rng.normal(0, 2, boxes.shape).round(1), 0, SIDE)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    masks = np.zeros((len(boxes), 8, 8), np.float32)
    for mask in masks:
        mask[:, : rng.choice([2, 8])] = 1
    kinds = np.array([i.class_id for i in (*seen, *extra)], np.int32)
    kinds = np.where(rng.random(len(kinds)) < 0.1, 3 - kinds, kinds)
    scores = -np.sort(-rng.choice([0.2, 0.5, 0.6, 0.9], len(boxes)))
    return Detections(boxes, scores, kinds.astype(np.int32), masks)


def loaded(samples: list[Sample], items: list[dict[str, Any]]) -> tuple[COCO, COCO]:
    """Labels, and results as a file of them would be loaded."""
    known = COCO()
    labels = [
        {"image_id": image, **label(instance, SIDE, SIDE)}
        for image, sample in enumerate(samples)
        for instance in sample.instances
    ]
    known.dataset = {
        "info": {},
        "images": [{"id": k, "height": SIDE, "width": SIDE} for k in range(len(samples))],
        "annotations": [{"id": k, **item} for k, item in enumerate(labels, start=1)],
        "categories": [{"id": k, "name": name} for k, name in zip(IDS, CLASSES, strict=True)],
    }
    known.createIndex()
    if items:
        return known, known.loadRes(items)
    none = COCO()
    none.dataset = {**copy.deepcopy(known.dataset), "annotations": []}  # loadRes takes no nothing
    none.createIndex()
    return known, none


def submitted(found: list[Detections], kind: str) -> list[dict[str, Any]]:
    """Detections as they are handed in: with a box or with a mask."""
    items = []
    for image, of_image in enumerate(found):
        rows = zip(of_image.boxes, of_image.scores, of_image.classes, of_image.masks, strict=True)
        for box, score, class_id, mask in rows:
            x1, y1, x2, y2 = map(float, box)
            shape: dict[str, Any] = {"bbox": [x1, y1, x2 - x1, y2 - y1]}
            if kind == "mask":
                shape = {"segmentation": pasted(mask, box, SIDE, SIDE)}
            score, class_id = float(score), int(class_id)
            items.append({"image_id": image, "category_id": class_id, "score": score, **shape})
    return items


def theirs(samples: list[Sample], found: list[Detections], kind: str) -> dict[str, dict[str, Any]]:
    """Figures of one kind: of all, then by size, then by class."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(*loaded(samples, submitted(found, kind)), KINDS[kind])
        evaluation.params.maxDets = list(MAX_DETECTIONS)
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]

    def mean(values: np.ndarray) -> float:
        return float(values[values > -1].mean()) if (values > -1).any() else math.nan

    def figures(size: int, classes: list[int]) -> dict[str, float]:
        precise, recalled = precision[:, :, classes, size, -1], recall[:, classes, size]
        made = {"AP": mean(precise), "AP50": mean(precise[0]), "AP75": mean(precise[5])}
        made |= {f"AR@{n}": mean(recalled[..., k]) for k, n in enumerate(MAX_DETECTIONS)}
        return {f"{kind} {name}": value for name, value in made.items()}

    return {
        "all": figures(0, [0, 1]),
        **{size: figures(k, [0, 1]) for k, size in enumerate(SIZES, start=1)},
        **{name: figures(0, [k]) for k, name in enumerate(CLASSES)},
    }


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 8), min_size=1, max_size=3),
       st.integers(0, 6))  # fmt: skip
@example(0, [0, 0], 0)
@example(0, [0], 4)
@example(1, [8, 8, 8], 6)
def test_all_figures_are_those_of_pycocotools(seed: int, counts: list[int], strays: int) -> None:
    """Empty predictions, empty truth, crowds and equal scores are among the examples."""
    rng = np.random.default_rng(seed)
    samples = [random_sample(rng, count) for count in counts]
    found = [random_detections(rng, sample, strays) for sample in samples]
    ours = evaluate_detections(samples, found, CLASSES, [""] * len(samples)).coco
    parts = {"all": ours.overall, **ours.by_size, **ours.by_class}
    for kind in KINDS:
        for part, expected in theirs(samples, found, kind).items():
            got = {name: parts[part][name] for name in expected}
            assert got == pytest.approx(expected, abs=1e-9, nan_ok=True), part


def test_nothing_found_is_scored_as_pycocotools_does() -> None:
    sample = random_sample(np.random.default_rng(5), 6)
    nothing = random_detections(np.random.default_rng(5), Sample(sample.image, ()), 0)
    ours = evaluate_detections([sample], [nothing], CLASSES, [""]).coco
    expected = [theirs([sample], [nothing], kind)["all"] for kind in KINDS]
    assert ours.overall == {**expected[0], **expected[1]}
