"""Operators against torchvision's outputs and against slow references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from geomrcnn.network.config import STRIDES
from geomrcnn.network.geometry import GEOMETRIES
from geomrcnn.network.ops import anchors, boxes, masks, matching
from geomrcnn.network.ops.nms import grouped_nms, nms
from geomrcnn.network.ops.roi_align import assign_levels, pyramid_roi_align, roi_align
from tests.oracles import boxes as slow_boxes
from tests.oracles import roi_align as slow_roi_align

RPN_WEIGHTS, BOX_WEIGHTS = (1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)


@pytest.fixture(scope="module")
def torchvision(shared: Path) -> dict[str, np.ndarray]:
    """Outputs of torchvision's operators."""
    return dict(np.load(shared / "fixtures/torchvision_ops.npz"))


def pyramid(height: int, width: int, channels: int = 1) -> list[np.ndarray]:
    """P2..P6 of an image of this size, of noise."""
    rng = np.random.default_rng(height)
    sizes = [(1, -(-height // s), -(-width // s), channels) for s in STRIDES]
    return [rng.normal(size=size).astype("float32") for size in sizes]


def random_boxes(count: int, seed: int, side: float = 100.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(1, side, (count, 2))], 1).astype("float32")


@pytest.mark.parametrize("size", [7, 14])
@pytest.mark.parametrize(("sampling", "aligned"), [("half-pixel", 1), ("whole-pixel", 0)])
def test_roi_align_equals_torchvision(torchvision, size, sampling, aligned):
    rois = torchvision["boxes_xyxy"]
    features = torchvision["feat"].transpose(0, 2, 3, 1)
    pooled = roi_align(
        features, rois, tf.zeros(len(rois), tf.int32), stride=4, size=size, sampling=sampling
    )
    wanted = torchvision[f"roi_align_s4_p{size}_sr2_aligned{aligned}"]
    np.testing.assert_allclose(pooled, wanted.transpose(0, 2, 3, 1), rtol=1e-3, atol=2e-4)


def test_pyramid_pooling_equals_torchvision(torchvision):
    rois = torchvision["ms_boxes"]
    levels = [torchvision[f"ms_feat_{i}"].transpose(0, 2, 3, 1) for i in range(4)]
    np.testing.assert_array_equal(assign_levels(rois, 2, 5) - 2, torchvision["ms_levels"])
    pooled = pyramid_roi_align(
        levels,
        rois,
        tf.zeros(len(rois), tf.int32),
        strides=(4, 8, 16, 32),
        size=7,
        sampling="whole-pixel",
    )
    wanted = torchvision["ms_roi_align_p7"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(pooled, wanted, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("threshold", ["0.3", "0.5", "0.7"])
def test_nms_equals_torchvision(torchvision, threshold):
    given_boxes, scores = torchvision["nms_boxes"], torchvision["nms_scores"]
    kept = nms(given_boxes, scores, float(threshold), len(scores))
    np.testing.assert_array_equal(kept, torchvision[f"nms_keep_{threshold}"])
    kept = grouped_nms(
        given_boxes, scores, torchvision["nms_labels"], float(threshold), len(scores)
    )
    np.testing.assert_array_equal(kept, torchvision[f"batched_nms_keep_{threshold}"])


def test_anchors_equal_torchvision(torchvision):
    levels = pyramid(128, 192)
    made = anchors.pyramid_anchors(
        levels, STRIDES, (32, 64, 128, 256, 512), (0.5, 1, 2), GEOMETRIES["torchvision"]
    )
    np.testing.assert_array_equal(tf.concat(made, 0), torchvision["anchors_128x192"])


def test_anchors_have_the_area_and_ratio_asked_for():
    x1, y1, x2, y2 = anchors.cell_anchors(48, (0.5, 1, 2)).T
    np.testing.assert_allclose((x2 - x1) * (y2 - y1), 48**2, rtol=1e-6)
    np.testing.assert_allclose((y2 - y1) / (x2 - x1), (0.5, 1, 2), rtol=1e-6)
    np.testing.assert_allclose([x1 + x2, y1 + y2], 0, atol=1e-5)


@pytest.mark.parametrize(("codec", "weights"), [("rpn", RPN_WEIGHTS), ("box", BOX_WEIGHTS)])
def test_box_codec_equals_torchvision(torchvision, codec, weights):
    # torchvision's encode(reference, proposals): the fixture's "ref" are the boxes to reach.
    reference, proposals = torchvision["codec_ref"], torchvision["codec_gt"]
    deltas = boxes.encode(reference, proposals, weights)
    np.testing.assert_allclose(deltas, torchvision[f"codec_{codec}_encode"], rtol=1e-4, atol=1e-5)
    decoded = boxes.decode(deltas, reference, weights)
    np.testing.assert_allclose(decoded, torchvision[f"codec_{codec}_decode"], rtol=1e-4, atol=1e-3)


def test_decode_clamps_wild_deltas_like_torchvision(torchvision):
    deltas = np.tile(np.array([0.1, 0.2, 10, 10], "f4"), (30, 1))
    decoded = boxes.decode(deltas, torchvision["codec_ref"], RPN_WEIGHTS)
    np.testing.assert_allclose(decoded, torchvision["codec_rpn_decode_big"], rtol=1e-3, atol=0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_codec_round_trip(seed):
    # Sides within a factor 50 of each other: beyond 62.5 the decoder clamps on purpose.
    truth = random_boxes(8, seed) + np.array([0, 0, 2, 2], "f4")
    reference = random_boxes(8, seed + 1) + np.array([0, 0, 2, 2], "f4")
    decoded = boxes.decode(boxes.encode(truth, reference, BOX_WEIGHTS), reference, BOX_WEIGHTS)
    np.testing.assert_allclose(decoded, truth, atol=1e-2)


def test_iou_equals_slow_reference():
    a, b = random_boxes(13, 1), random_boxes(9, 2)
    wanted = [[slow_boxes.iou(p, q) for q in b] for p in a]
    np.testing.assert_allclose(boxes.iou(a, b), wanted, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.5, 0.8]))
def test_nms_equals_slow_reference(seed, threshold):
    given_boxes = random_boxes(60, seed)
    scores = np.random.default_rng(seed).choice(np.linspace(0, 1, 20), 60).astype("float32")
    kept = nms(given_boxes, scores, threshold, 60)
    assert kept.numpy().tolist() == slow_boxes.nms(given_boxes, scores, threshold)


def test_roi_align_equals_slow_reference_on_a_pyramid():
    rng = np.random.default_rng(3)
    levels = [rng.normal(size=(2, 64 >> i, 96 >> i, 3)).astype("float32") for i in range(4)]
    rois = np.array(
        [[3, 5, 40, 30], [-20, -9, 12, 14], [0, 0, 380, 250], [100, 20, 330, 260.5], [7, 7, 7, 7]],
        np.float32,
    )
    image = np.array([0, 1, 1, 0, 1], np.int32)
    pooled = pyramid_roi_align(levels, rois, image, strides=(4, 8, 16, 32), size=7)
    for result, roi, i in zip(pooled.numpy(), rois, image, strict=True):
        level = slow_boxes.level(roi)
        wanted = slow_roi_align.roi_align(levels[level - 2][i], roi, 2**level, 7)
        np.testing.assert_allclose(result, wanted, atol=1e-4)


def test_roi_align_of_no_rois_is_empty():
    pooled = pyramid_roi_align(
        [tf.zeros([1, 64 >> i, 64 >> i, 3]) for i in range(4)],
        tf.zeros([0, 4]),
        tf.zeros([0], tf.int32),
        strides=(4, 8, 16, 32),
        size=7,
    )
    assert pooled.shape == (0, 7, 7, 3)


def test_match_labels_by_overlap():
    truth = np.array([[[0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 0, 0], [100, 0, 200, 100]]], "f4")
    classes = np.array([[2, 1, 0, matching.CROWD]])
    candidates = np.array(
        [[0, 0, 10, 9], [0, 0, 10, 5], [30, 30, 40, 40], [50, 50, 60, 64], [120, 20, 130, 30]],
        "f4",
    )
    found = matching.match(
        candidates[None],
        truth,
        classes,
        positive=0.7,
        negative=0.3,
        best_for_each_object=False,
    )
    assert found.labels.numpy().tolist() == [[1, -1, 0, 1, -1]]
    assert found.truth.numpy()[0, [0, 3]].tolist() == [0, 1]


def test_match_gives_each_object_its_best_box():
    truth, classes = np.array([[[0, 0, 10, 10], [0, 0, 0, 0]]], "f4"), np.array([[1, 0]])
    candidates = np.array([[0, 0, 10, 2], [0, 0, 4, 10], [70, 70, 80, 80]], "f4")
    labels = matching.match(
        candidates[None], truth, classes, positive=0.7, negative=0.3, best_for_each_object=True
    ).labels
    assert labels.numpy().tolist() == [[0, 1, 0]]


def test_match_without_objects_is_all_negative():
    labels = matching.match(
        random_boxes(5, 0)[None],
        np.zeros([2, 1, 4], "f4"),
        np.zeros([2, 1], "i4"),
        positive=0.7,
        negative=0.3,
        best_for_each_object=True,
    ).labels
    assert labels.numpy().tolist() == [[0] * 5] * 2


def test_sample_takes_positives_first_and_no_ignored():
    labels = np.array([[1] * 6 + [0] * 20 + [-1] * 10, [1] * 2 + [0] * 3 + [-1] * 31])
    index, chosen = matching.sample(labels, 12, 0.25, tf.constant([[1, 2]]))
    drawn = [labels[i][index.numpy()[i][chosen.numpy()[i]]].tolist() for i in range(2)]
    assert drawn == [[1] * 3 + [0] * 9, [1] * 2 + [0] * 3]
    again = matching.sample(labels, 12, 0.25, tf.constant([[1, 2]])).index
    other = matching.sample(labels, 12, 0.25, tf.constant([[1, 3]])).index
    np.testing.assert_array_equal(index, again)
    assert (index.numpy() != other.numpy()).any()


def test_mask_targets_show_the_part_in_the_roi():
    size, box = 112, np.array([[10, 20, 50, 100]], "f4")
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    x, y = 10 + 40 * x, 20 + 80 * y
    disc = ((x - 30) ** 2 + (y - 60) ** 2 < 18**2)[None].astype("uint8")
    roi = np.array([[20, 10, 70, 80]], "f4")
    target = masks.crop_masks(disc, box, roi, 28).numpy()[0]
    v, u = (np.mgrid[:28, :28] + 0.5) / 28
    u, v = 20 + 50 * u, 10 + 70 * v
    wanted = (u - 30) ** 2 + (v - 60) ** 2 < 18**2
    assert (target != wanted).mean() < 0.01
    assert set(np.unique(target)) == {0.0, 1.0}
