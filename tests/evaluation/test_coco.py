from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from shapely.geometry import Point

from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.data.rasterise import box_mask, pixel_mask
from geomrcnn.errors import DataError
from geomrcnn.evaluation.coco import Figures
from geomrcnn.evaluation.encoding import pasted
from geomrcnn.evaluation.evaluation import evaluate_dataset, evaluate_detections
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.detector import Detections
from geomrcnn.vector.polygons import Polygonal
from tests.oracles import detector as oracle
from tests.oracles.paste import paste as slow_paste

DISC, SQUARE = Point(40, 40).buffer(22), shapely.box(70.2, 10.4, 101.3, 60.5)
CLASSES = ("field", "pond")


def sample(*instances: Instance) -> Sample:
    return Sample(np.zeros((100, 120, 3), np.uint8), instances)


def detections(*found: tuple[Polygonal, int, float], size: int = 56) -> Detections:
    """(shape, class, score) of each object."""
    return Detections(
        boxes=np.array([shape.bounds for shape, *_ in found], np.float32).reshape(-1, 4),
        scores=np.array([score for *_, score in found], np.float32),
        classes=np.array([class_id for _, class_id, _ in found], np.int32),
        masks=np.array(
            [box_mask(shape, shape.bounds, size) for shape, *_ in found], np.float32
        ).reshape(-1, size, size),
    )


def figures(
    truth: Sequence[Sample],
    found: Sequence[Detections],
    max_detections: tuple[int, ...] = (1, 10, 1000),
) -> Figures:
    names = [str(k) for k in range(len(truth))]
    return evaluate_detections(
        truth, found, CLASSES, names, max_detections=max_detections
    ).coco.overall


def test_perfect_detections_score_one() -> None:
    truth = [sample(Instance(DISC, 1), Instance(SQUARE, 2)), sample(Instance(SQUARE, 1))]
    found = [detections((DISC, 1, 0.9), (SQUARE, 2, 0.8)), detections((SQUARE, 1, 0.7))]
    scores = figures(truth, found)
    assert list(scores) == [
        f"{kind} {figure}"
        for kind in ("mask", "box")
        for figure in ("AP", "AP50", "AP75", "AR@1", "AR@10", "AR@1000")
    ]
    assert list(scores.values()) == pytest.approx([1] * 12)


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    figures([sample(Instance(DISC, 1))], [detections((DISC, 1, 0.9))])
    assert capsys.readouterr().out == ""


def test_nothing_found_scores_zero() -> None:
    scores = figures([sample(Instance(DISC, 1))], [detections()])
    assert set(scores.values()) == {0}


@pytest.mark.parametrize("found", [detections(), detections((DISC, 1, 0.9))])
def test_nothing_labelled_has_no_score(found: Detections) -> None:
    assert all(math.isnan(score) for score in figures([sample()], [found]).values())


def test_no_images_have_no_score() -> None:
    assert all(math.isnan(score) for score in figures([], []).values())


def test_the_second_detection_of_an_object_is_wrong() -> None:
    """The better one comes second: half of what is found up to it is right."""
    poor = shapely.affinity.translate(DISC, 60)
    truth = [sample(Instance(DISC, 1))]
    twice = figures(truth, [detections((DISC, 1, 0.9), (DISC, 1, 0.8))])
    late = figures(truth, [detections((poor, 1, 0.9), (DISC, 1, 0.8))])
    assert twice["mask AP"] == pytest.approx(1)
    assert late["mask AP"] == pytest.approx(0.5)
    assert late["mask AR@1"] == 0
    assert late["mask AR@10"] == 1


def test_two_objects_found_as_one_and_a_double() -> None:
    """After the hit, precision at recall beyond a half is 0: 51 of 101 recall points count."""
    truth = [sample(Instance(DISC, 1), Instance(SQUARE, 1))]
    scores = figures(truth, [detections((DISC, 1, 0.9), (DISC, 1, 0.8))])
    assert scores["mask AP50"] == pytest.approx(51 / 101)


def test_the_wrong_class_is_wrong() -> None:
    scores = figures([sample(Instance(DISC, 1))], [detections((DISC, 2, 0.9))])
    assert scores["box AP"] == 0


def test_crowds_are_neither_missed_nor_false() -> None:
    crowd = Instance(SQUARE, 1, crowd=True)
    inside = shapely.box(80, 20, 95, 40)
    truth = [sample(Instance(DISC, 1), crowd)]
    found = [detections((inside, 1, 0.95), (DISC, 1, 0.9))]
    assert figures(truth, found)["mask AP"] == pytest.approx(1)
    assert figures([sample(Instance(DISC, 1))], found)["mask AP"] < 0.6


def test_masks_and_boxes_are_scored_apart() -> None:
    """A disc found as its whole box: IoU π / 4 of masks, 1 of boxes."""
    square = shapely.box(*DISC.bounds)
    scores = figures([sample(Instance(DISC, 1))], [detections((square, 1, 0.9))])
    assert scores["box AP"] == pytest.approx(1)
    assert scores["mask AP75"] == pytest.approx(1)
    # π / 4 = 0.785 passes 0.50, 0.55 ... 0.75: six of ten.
    assert scores["mask AP"] == pytest.approx(0.6)


def test_more_than_a_hundred_objects_count() -> None:
    boxes = [shapely.box(x, y, x + 5, y + 5) for x in range(0, 120, 8) for y in range(0, 100, 8)]
    found = detections(*((box, 1, 0.9 - 0.001 * k) for k, box in enumerate(boxes)))
    truth = [sample(*(Instance(box, 1) for box in boxes))]
    assert len(boxes) > 150
    assert figures(truth, [found])["mask AR@1000"] == 1
    capped = figures(truth, [found], max_detections=(1, 10, 100))
    assert capped["mask AR@100"] == pytest.approx(100 / len(boxes))


sides = st.floats(-20, 60), st.floats(-20, 50), st.floats(0.5, 70), st.floats(0.5, 70)


@given(st.tuples(*sides), st.integers(0, 2**32 - 1))
def test_pasting_agrees_with_the_slow_way(box: tuple[float, ...], seed: int) -> None:
    mask = np.random.default_rng(seed).random((7, 7))
    corners = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]])
    image = coco_mask.decode(pasted(mask, corners, 30, 40))
    expected = slow_paste(mask, corners, 30, 40)
    clear = np.abs(expected - 0.5) > 1e-9
    np.testing.assert_array_equal(image[clear], expected[clear] >= 0.5)


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (9, 9, 5, 5), (200, 5, 220, 9), (-9, -9, -2, -2)])
def test_boxes_without_pixels_paste_nothing(box: tuple[float, ...]) -> None:
    rle = pasted(np.ones((4, 4)), np.array(box), 100, 120)
    assert rle["size"] == [100, 120]
    assert coco_mask.area(rle) == 0


def torchvision_box(box: np.ndarray, size: int) -> np.ndarray:
    """Where torchvision puts a mask of `size` cells: it rounds, we do not.

    It pads the mask by a ring of zeros and enlarges the box by as much, cuts the corners of that to
    whole numbers, counts the last pixel in ("+ 1"), and resizes the mask to those pixels.
    """
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * (size + 2) / size
    first, last = np.trunc(centre - half), np.trunc(centre + half) + 1
    middle, inner = (first + last) / 2, (last - first) / 2 * size / (size + 2)
    return np.concatenate([middle - inner, middle + inner])


def test_pasting_agrees_with_torchvision_but_for_its_rounding(shared: Path) -> None:
    """At torchvision's rounded boxes the same pixels; float16 blurs values next to 0.5."""
    fixture = np.load(shared / "fixtures/torchvision_ops.npz")
    for mask, box, result in zip(
        fixture["paste_masks"][:, 0],
        fixture["paste_boxes"].astype(np.float64),
        fixture["paste_result"][:, 0].astype(np.float64),
        strict=True,
    ):
        rounded = torchvision_box(box, len(mask))
        image = coco_mask.decode(pasted(mask, rounded, *result.shape))
        clear = np.abs(result - 0.5) > 1e-3
        assert clear.mean() > 0.95
        np.testing.assert_array_equal(image[clear], result[clear] >= 0.5)
        assert np.abs(rounded - box).max() < 1.1


def test_placed_in_columns_it_is_the_mask_of_the_whole_image() -> None:
    ring = Point(60, 50).buffer(30).difference(Point(61, 52).buffer(9))
    rle = pasted(box_mask(ring, ring.bounds, 112), np.array(ring.bounds), 100, 120)
    image = coco_mask.decode(rle)
    expected = pixel_mask(ring, Window(0, 0, 120, 100))
    assert (image & expected).sum() / (image | expected).sum() > 0.99
    assert coco_mask.encode(np.asfortranarray(image)) == rle


class Discs:
    """Two images of one disc each, the second of another size."""

    classes = ("disc",)

    def __len__(self) -> int:
        return 2

    def sample(self, index: int) -> Sample:
        image = np.full((100 + 31 * index, 120, 3), index, np.uint8)
        valid = None if index == 0 else image.any(axis=2)
        return Sample(image, (Instance(DISC, 1),), valid)

    def gsd(self, index: int) -> float | None:
        return None

    def name(self, index: int) -> str:
        return str(index)


class SeesDiscs:
    """Finds the disc in every image."""

    def __init__(self, *classes: str) -> None:
        self.card: ModelCard = oracle.card(classes=classes)
        self.description = "test"
        self.seen: list[Tile] = []

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        self.seen += tiles
        return [detections((DISC, 1, 0.9)) for _ in tiles]


def test_evaluates_a_detector_on_whole_images() -> None:
    detector = SeesDiscs("disc")
    assert evaluate_dataset(detector, Discs()).coco.overall["mask AP"] == pytest.approx(1)
    assert [tile.window for tile in detector.seen] == [(0, 0, 120, 100), (0, 0, 120, 131)]
    assert all(tile.valid.all() for tile in detector.seen)
    assert [tile.pixels.max() for tile in detector.seen] == [0, 1]


def test_other_classes_are_refused() -> None:
    with pytest.raises(DataError, match="the model finds field, the labels are of disc"):
        evaluate_dataset(SeesDiscs("field"), Discs())
