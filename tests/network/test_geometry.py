"""Each convention of a geometry against a slow reference, and networks of every geometry."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.config import STRIDES, MaskRCNNConfig
from geomrcnn.network.detections import detect_boxes
from geomrcnn.network.geometry import GEOMETRIES
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.ops import boxes
from geomrcnn.network.ops.anchors import cell_anchors, pyramid_anchors
from geomrcnn.network.ops.roi_align import pyramid_roi_align, roi_align
from geomrcnn.network.proposals import Proposals, propose
from geomrcnn.network.rpn import AnchorPredictions
from geomrcnn.network.targets import GroundTruth
from tests.oracles import boxes as slow_boxes
from tests.oracles import roi_align as slow_roi_align

ALIGNED, TORCHVISION, MATTERPORT = (GEOMETRIES[n] for n in ("aligned", "torchvision", "matterport"))
WEIGHTS = (1.0, 1.0, 1.0, 1.0)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def pyramid(height: int, width: int) -> list[np.ndarray]:
    return [noise(1, -(-height // s), -(-width // s), 3) for s in STRIDES]


def test_corner_sampling_of_the_known_example():
    # matterport's code on arange(25), box (1, 1, 3, 3): normalised to (1, 1, 2, 2) / 4.
    image = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    pooled = roi_align(image, [[1.0, 1, 2, 2]], [0], stride=1, size=4, sampling="corners")
    np.testing.assert_allclose(pooled[0, 0, :, 0], [6.0, 6 + 1 / 3, 6 + 2 / 3, 7.0], rtol=1e-6)


def test_corner_sampling_on_a_pyramid_equals_the_slow_reference():
    height, width = 256, 384
    levels = pyramid(height, width)[:4]
    sides = [(9, 9), (40, 30), (79, 79), (80, 80), (158, 170), (200, 255), (383, 254), (0, 5)]
    rois = np.array([[1, 0, 1 + w, h] for w, h in sides], np.float32)
    pooled = pyramid_roi_align(
        levels,
        rois,
        np.zeros(len(rois), np.int32),
        strides=STRIDES[:4],
        size=7,
        sampling="corners",
        level_rule="round",
    )
    last = np.array([width - 1, height - 1] * 2)
    chosen = set()
    for result, roi in zip(pooled.numpy(), rois / last, strict=True):
        level = slow_boxes.matterport_level(roi, height, width)
        chosen.add(level)
        wanted = slow_roi_align.sample_corners(levels[level - 2][0], roi, 7)
        np.testing.assert_allclose(result, wanted, atol=1e-4)
    assert chosen == {2, 3, 4}


def test_corner_anchors_end_on_the_last_pixel():
    exact, inset = (
        pyramid_anchors(pyramid(64, 128), STRIDES, (8, 16, 32, 64, 128), (0.5, 1), geometry)
        for geometry in (ALIGNED, MATTERPORT)
    )
    for a, b in zip(exact, inset, strict=True):
        np.testing.assert_allclose(a - b, np.tile([[0, 0, 1, 1]], (len(a), 1)), atol=1e-5)


def test_torchvision_spreads_the_anchors_of_p6_over_the_image():
    # 96 px are 3 cells on P5 and 2 on P6, 48 px apart.
    fixed, fitted = (
        pyramid_anchors(pyramid(96, 64), STRIDES, (8, 16, 32, 64, 128), (1.0,), geometry)[-1]
        for geometry in (ALIGNED, TORCHVISION)
    )
    centres = [(a[:, :2] + a[:, 2:]).numpy() / 2 for a in (fixed, fitted)]
    assert centres[0].tolist() == [[0, 0], [0, 64]]
    assert centres[1].tolist() == [[0, 0], [0, 48]]


def test_rounded_anchors():
    (first, *_) = pyramid_anchors(pyramid(64, 64), STRIDES, (32,) * 5, (0.5,), TORCHVISION)
    np.testing.assert_array_equal(first[0], np.round(cell_anchors(32, (0.5,))[0]))


def test_growth_may_be_unclamped():
    box = np.array([[0, 0, 16, 16]], np.float32)
    delta = np.array([[0, 0, 5, 5]], np.float32)
    clamped, free = (boxes.decode(delta, box, WEIGHTS, clamped=c)[0] for c in (True, False))
    np.testing.assert_allclose(clamped[2] - clamped[0], 1000, rtol=1e-5)
    np.testing.assert_allclose(free[2] - free[0], 16 * np.exp(5), rtol=1e-5)


def proposed(geometry, logits, anchors, window=(0, 0, 100, 100), deltas=None, **changes):
    """Proposals of one image; logits and anchors by level, without deltas."""
    predictions = [
        AnchorPredictions(
            tf.constant([level], tf.float32),
            tf.zeros([1, len(level), 4]) if deltas is None else tf.constant([deltas], tf.float32),
        )
        for level in logits
    ]
    numbers = {"box_weights": WEIGHTS, "before_nms": 10, "nms_iou": 0.5, "after_nms": 10}
    found = propose(
        predictions,
        [tf.constant(level, tf.float32) for level in anchors],
        tf.constant([window], tf.float32),
        geometry=geometry,
        **{**numbers, **changes},
    )
    return found.boxes.numpy().tolist()


def test_levels_propose_jointly_or_each_by_itself():
    box, near, far = [10, 10, 30, 30], [11, 10, 31, 30], [60, 60, 80, 80]
    by_level = proposed(ALIGNED, [[2.0, 1.0], [3.0]], [[box, far], [near]])
    assert by_level == [near, box, far]
    assert proposed(MATTERPORT, [[2.0, 1.0], [3.0]], [[box, far], [near]]) == [near, far]
    best = proposed(MATTERPORT, [[2.0, 1.0], [3.0]], [[box, far], [near]], before_nms=2)
    assert best == [near]


def test_saturated_probabilities_tie_and_the_first_anchor_wins():
    first, second = [10, 10, 30, 30], [60, 60, 80, 80]
    assert proposed(ALIGNED, [[30.0, 40.0]], [[first, second]]) == [second, first]
    assert proposed(MATTERPORT, [[30.0, 40.0]], [[first, second]]) == [first, second]


def test_proposals_are_cut_and_slivers_dropped_or_kept():
    inside, beyond = [10, 10, 30, 30], [120, 10, 140, 30]
    assert proposed(ALIGNED, [[1.0, 2.0]], [[inside, beyond]]) == [inside]
    assert proposed(MATTERPORT, [[1.0, 2.0]], [[inside, beyond]]) == [[100, 10, 100, 30], inside]


def test_boxes_that_overflow_are_dropped():
    deltas = [[0, 0, 1000, 0], [0, 0, 0, 0]]
    anchors = [[[10, 10, 10, 20], [40, 40, 60, 60]]]
    assert proposed(MATTERPORT, [[2.0, 1.0]], anchors, deltas=deltas) == [[40, 40, 60, 60]]


def detected(geometry: str, scores: list[list[float]], rois: list[list[float]], **changes):
    """Classes and boxes found by RoIs whose boxes do not move; scores with the background's."""
    config = MaskRCNNConfig(geometry=geometry, classes=len(scores[0]) - 1, **changes)
    logits = tf.math.log(tf.constant(scores, tf.float32))
    predictions = BoxPredictions(logits, tf.zeros([len(scores), config.classes, 4]))
    proposals = Proposals(tf.constant(rois, tf.float32), tf.zeros([len(rois)], tf.int32))
    found = detect_boxes(predictions, proposals, tf.constant([[0.0, 0, 100, 100]]), config)
    return found.classes.numpy().tolist(), found.boxes.numpy().tolist()


def test_an_roi_is_reported_as_its_best_class_or_as_every_likely_one():
    rois = [[10, 10, 30, 30], [60, 60, 80, 80]]
    scores = [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]  # the second is background
    assert sorted(detected("aligned", scores, rois)[0]) == [1, 1, 2, 2]
    assert detected("matterport", scores, rois)[0] == [1]


def test_torchvision_drops_detections_thinner_than_a_hundredth():
    rois = [[10, 10, 30, 30], [100, 60, 120, 80]]
    scores = [[0.2, 0.8], [0.1, 0.9]]
    assert detected("torchvision", scores, rois) == ([1], [[10, 10, 30, 30]])
    assert detected("aligned", scores, rois)[1][0] == [100, 60, 100, 80]


def network(geometry: str, **changes) -> MaskRCNN:
    keras.utils.set_random_seed(5)
    settings = {"pyramid_channels": 32, "box_units": (32,), "proposals": 40, "detections": 20}
    model = MaskRCNN(
        MaskRCNNConfig.preset("light", geometry=geometry, classes=2, **{**settings, **changes})
    )
    for weight in (*model.rpn.weights, *model.box_head.weights):
        weight.assign(weight * 4)
    return model


@pytest.fixture(scope="module", params=GEOMETRIES)
def model(request) -> MaskRCNN:
    return network(request.param)


def images(count: int, height: int = 128, width: int = 96) -> tf.Tensor:
    return tf.random.stateless_uniform([count, height, width, 3], [count, 7], 0, 255)


def test_objects_lie_in_their_image_whatever_its_batch_mates(model):
    windows = tf.constant([[0.0, 0, 96, 128], [10, 20, 80, 90]])
    together = model(images(2), windows)
    assert len(together.boxes) > 0
    for i in range(2):
        mine = together.image_index.numpy() == i
        alone = model(images(2)[i : i + 1], windows[i : i + 1])
        np.testing.assert_allclose(together.boxes.numpy()[mine], alone.boxes, atol=1e-2)
        np.testing.assert_allclose(together.scores.numpy()[mine], alone.scores, atol=1e-4)
        x1, y1, x2, y2 = windows[i].numpy()
        low, high = [x1, y1, x1, y1], [x2, y2, x2, y2]
        assert (alone.boxes.numpy() >= np.array(low) - 1e-4).all()
        assert (alone.boxes.numpy() <= np.array(high) + 1e-4).all()


def test_nothing_found_is_no_error(model):
    bias = model.box_head.logits.bias
    before = bias.numpy()
    bias.assign([100.0, 0.0, 0.0])
    found = model(images(2))
    bias.assign(before)
    assert found.boxes.shape == (0, 4)
    assert found.masks.shape == (0, 28, 28)
    assert found.image_index.shape == (0,)


def test_every_geometry_trains(model):
    truth = GroundTruth(
        tf.constant([[[8.0, 8, 48, 38], [0, 0, 0, 0]]]),
        tf.constant([[1, 0]]),
        tf.ones([1, 2, 28, 28], tf.uint8),
    )
    losses = model.losses_of(images(1), truth, tf.constant([[1, 2]]))
    assert all(np.isfinite(loss.numpy()).all() for loss in losses)
    assert losses.mask.numpy()[0] > 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_box_arithmetic_of_normalised_boxes_is_that_of_pixels(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(64, 300, 2)
    last = np.array([width - 1, height - 1] * 2, np.float32)
    corner = rng.uniform(0, 50, (12, 2))
    given_boxes = np.concatenate([corner, corner + rng.uniform(2, 40, (12, 2))], 1).astype("f4")
    deltas = rng.normal(size=(12, 4)).astype("f4")
    pixels = boxes.decode(deltas, given_boxes, WEIGHTS, clamped=False)
    normalised = boxes.decode(deltas, given_boxes / last, WEIGHTS, clamped=False)
    np.testing.assert_allclose(normalised * last, pixels, atol=1e-2, rtol=1e-4)
    np.testing.assert_allclose(
        boxes.iou(given_boxes / last, given_boxes / last),
        boxes.iou(given_boxes, given_boxes),
        atol=1e-4,
    )
