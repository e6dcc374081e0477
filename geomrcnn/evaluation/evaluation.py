"""One pass over labelled images: everything that figures, curves and reports are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.dataset import Dataset, Sample
from geomrcnn.errors import DataError
from geomrcnn.evaluation.coco import MAX_DETECTIONS, CocoScores, Scene, coco_scores
from geomrcnn.evaluation.encoding import label, overlaps, results
from geomrcnn.evaluation.matching import Comparison, Mask, Matches, Verdicts
from geomrcnn.inference.ahead import side_by_side
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.detector import Detections, Detector, streams_of


class Rows(NamedTuple):
    """Where the rows of a comparison come from.

    Attributes:
        image: [K] number of the image.
        place: [K] place among the image's detections or instances.
        class_id: [K] 1..C.
        area: [K] of the mask or the outline, in square pixels.
    """

    image: npt.NDArray[np.intp]
    place: npt.NDArray[np.intp]
    class_id: npt.NDArray[np.intp]
    area: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[np.intp]) -> Rows:
        """These rows, in their order."""
        return Rows(self.image[rows], self.place[rows], self.class_id[rows], self.area[rows])


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model on a data set.

    Attributes:
        classes: Names of classes 1..C.
        names: Of the images.
        gsd: Metres a pixel, where all images have the same; else None.
        truth: The labelled images, without their pixels: `image` is [H, W, 0].
        detections: What was found in each, in pixels of the images.
        coco: pycocotools' figures.
        detected: Where the detections in the comparisons come from.
        labelled: Where the true objects come from.
        any_class: All that overlap, of any classes; but a crowd only meets its own.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    gsd: float | None
    truth: tuple[Sample, ...]
    detections: tuple[Detections, ...]
    coco: CocoScores
    detected: Rows
    labelled: Rows
    any_class: Comparison

    @cached_property
    def comparison(self) -> Comparison:
        """What overlaps and is of one class."""
        found, true = self.any_class.pairs.T
        same = self.detected.class_id[found] == self.labelled.class_id[true]
        return replace(
            self.any_class, pairs=self.any_class.pairs[same], iou=self.any_class.iou[same]
        )

    @cached_property
    def matches(self) -> Matches:
        """Who found whom at IoU 0.5."""
        return self.comparison.match(0.5)

    def verdicts(self, class_id: int | None = None) -> Verdicts:
        """What is right at IoU 0.5, of one class or of all classes pooled."""
        if class_id is None:
            return self.comparison.verdicts(self.matches)
        return self.comparison.verdicts(
            self.matches, self.detected.class_id == class_id, self.labelled.class_id == class_id
        )

    def missed(self, min_score: float) -> Mask:
        """[M] which objects no detection of at least that score finds, ignored ones left out."""
        missed = ~self.comparison.ignored
        kept = self.comparison.scores >= min_score
        missed[self.matches.truth_of[kept & self.matches.right]] = False
        return missed


def evaluate_dataset(
    detector: Detector,
    dataset: Dataset,
    *,
    max_detections: tuple[int, ...] = MAX_DETECTIONS,
    on_image: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Run a detector over every image, each as one tile of its own size, and compare.

    Memory holds what was found (1.6 kB an object with masks of 28 × 28) and one image's pixels.

    Args:
        detector: It must take tiles as large as the largest image.
        dataset: The labelled images.
        max_detections: As `coco_scores` takes it.
        on_image: Called after each image with the number done and their total.

    Raises:
        DataError: the data set has other classes, or an image other bands, than the detector.
    """
    if dataset.classes != detector.card.classes:
        raise DataError(
            f"the model finds {', '.join(detector.card.classes)}, "
            f"the labels are of {', '.join(dataset.classes)}"
        )

    def samples() -> Iterator[Sample]:
        for index in range(len(dataset)):
            sample = dataset.sample(index)
            _check_pixels(sample, dataset.name(index), detector.card)
            yield sample

    def look(sample: Sample) -> tuple[Sample, Detections]:
        (detections,) = detector.detect([whole_image(sample)])
        return sample, detections

    truth, found = [], []
    for sample, detections in side_by_side(look, samples(), streams_of(detector)):
        found.append(replace(detections, masks=detections.masks.astype(np.float16)))
        # Comparing needs the image's size only: keep no pixels.
        truth.append(replace(sample, image=np.empty((*sample.image.shape[:2], 0)), valid=None))
        on_image(len(found), len(dataset))
    names = [dataset.name(index) for index in range(len(dataset))]
    gsds = {dataset.gsd(index) for index in range(len(dataset))}
    gsd = gsds.pop() if len(gsds) == 1 else None
    return evaluate_detections(truth, found, dataset.classes, names, gsd, max_detections)


def evaluate_detections(
    truth: Sequence[Sample],
    detections: Sequence[Detections],
    classes: Sequence[str],
    names: Sequence[str],
    gsd: float | None = None,
    max_detections: tuple[int, ...] = MAX_DETECTIONS,
) -> Evaluation:
    """Compare what was found in images with their labels.

    Args:
        truth: The labelled images; of `image` only the size counts.
        detections: As many, in pixels of the images.
        classes: Names of classes 1..C.
        names: Of the images.
        gsd: Metres a pixel.
        max_detections: As `coco_scores` takes it.
    """
    scenes = [_scene(sample, found) for sample, found in zip(truth, detections, strict=True)]
    detected = _rows([scene.results for scene in scenes])
    labelled = _rows([scene.labels for scene in scenes])
    scores = np.array([item["score"] for scene in scenes for item in scene.results], np.float64)
    crowd = np.array([item["iscrowd"] for scene in scenes for item in scene.labels], bool)
    order = np.argsort(-scores, kind="stable")
    pairs, iou = _pairs(scenes)
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    pairs[:, 0] = rank[pairs[:, 0]]
    detected = detected.take(order)
    stray = crowd[pairs[:, 1]] & (detected.class_id[pairs[:, 0]] != labelled.class_id[pairs[:, 1]])
    return Evaluation(
        classes=tuple(classes),
        names=tuple(names),
        gsd=gsd,
        truth=tuple(truth),
        detections=tuple(detections),
        coco=coco_scores(scenes, classes, max_detections=max_detections),
        detected=detected,
        labelled=labelled,
        any_class=Comparison(
            scores=scores[order],
            idle=np.zeros(len(scores), bool),
            ignored=crowd,
            crowd=crowd,
            pairs=pairs[~stray],
            iou=iou[~stray],
        ),
    )


def whole_image(sample: Sample) -> Tile:
    """The sample's image as a tile."""
    height, width = sample.image.shape[:2]
    valid = np.ones((height, width), bool) if sample.valid is None else sample.valid
    return Tile(0, 0, Window(0, 0, width, height), sample.image, valid)


def _check_pixels(sample: Sample, name: str, card: ModelCard) -> None:
    """Refuse an image that the model was not made for.

    Raises:
        DataError: naming the image.
    """
    bands, dtype = sample.image.shape[-1], sample.image.dtype.name
    if (bands, dtype) != (len(card.bands), card.dtype):
        plural = "s" * (bands != 1)
        raise DataError(
            f"{name}: has {bands} band{plural} of {dtype}, but the model '{card.name}' wants "
            f"{len(card.bands)} of {card.dtype} ({', '.join(card.bands)})"
        )


def _scene(sample: Sample, found: Detections) -> Scene:
    height, width = sample.image.shape[:2]
    labels = [label(instance, height, width) for instance in sample.instances]
    return Scene(height, width, labels, results(found, height, width))


def _rows(items: list[list[dict[str, Any]]]) -> Rows:
    """One row an item, image by image."""
    flat = [item for of_image in items for item in of_image]
    counts = [len(of_image) for of_image in items]
    return Rows(
        image=np.repeat(np.arange(len(items)), counts),
        place=np.concatenate([np.zeros(0, np.intp), *map(np.arange, counts)]),
        class_id=np.array([item["category_id"] for item in flat], np.intp),
        area=np.array([item["area"] for item in flat], np.float64),
    )


def _pairs(scenes: Sequence[Scene]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """[P, 2] rows of what overlaps, and its [P] IoU."""
    pairs, ious = [np.zeros((0, 2), np.intp)], [np.zeros(0)]
    first = np.zeros(2, np.intp)
    for scene in scenes:
        iou = overlaps(scene.results, scene.labels)
        near = np.argwhere(iou > 0)
        pairs.append(near + first)
        ious.append(iou[near[:, 0], near[:, 1]])
        first = first + iou.shape
    return np.concatenate(pairs), np.concatenate(ious)
