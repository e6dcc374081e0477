"""Targets and losses on hand-made predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.errors import ModelError
from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.losses import box_losses, mask_loss, rpn_losses
from geomrcnn.network.proposals import Proposals
from geomrcnn.network.rpn import AnchorPredictions
from geomrcnn.network.targets import (
    AnchorTargets,
    GroundTruth,
    RoiTargets,
    anchor_targets,
    roi_targets,
)

SEEDS = tf.constant([[3, 4]])


def truth(boxes: list[list[float]], classes: list[int]) -> GroundTruth:
    masks = np.ones([1, len(boxes), 16, 16], np.uint8)
    return GroundTruth(tf.constant([boxes], tf.float32), tf.constant([classes]), tf.constant(masks))


NOTHING = truth([[0, 0, 0, 0]], [0])


def test_rpn_losses_by_hand():
    targets = AnchorTargets(
        index=tf.constant([[2, 0, 1]]),
        used=tf.constant([[1.0, 1.0, 0.0]]),
        positive=tf.constant([[1.0, 0.0, 0.0]]),
        deltas=tf.constant([[[0.5, 0, 0, 1.0], [9, 9, 9, 9], [9, 9, 9, 9]]]),
    )
    prediction = AnchorPredictions(tf.constant([[1.0, 77.0, 2.0]]), tf.zeros([1, 3, 4]))
    entropy, distance = rpn_losses([prediction], targets)
    positive, negative = math.log(1 + math.exp(-2)), math.log(1 + math.exp(1))
    np.testing.assert_allclose(entropy, [(positive + negative) / 2], rtol=1e-5)
    np.testing.assert_allclose(distance, [1.5 / 2], rtol=1e-5)


def test_box_and_mask_losses_by_hand():
    config = MaskRCNNConfig(classes=2, train_rois=4, mask_size=8)
    objects = truth([[10, 10, 50, 50]], [2])
    rois = roi_targets(
        Proposals(tf.constant([[12.0, 10, 50, 50], [200, 200, 240, 240]]), tf.constant([0, 0])),
        objects,
        config,
        SEEDS,
    )
    # The proposal near the object or the object's own box, at a quarter of four, and background.
    assert sorted(rois.classes.numpy().tolist()) == [0, 2]
    deltas = np.zeros([2, 2, 4], "f4")
    deltas[:, 0] = 99  # of the other class: must not count
    logits = np.zeros([2, 3], "f4")
    predictions = BoxPredictions(tf.constant(logits), tf.constant(deltas))
    entropy, distance = box_losses(predictions, rois, 1, config)
    np.testing.assert_allclose(entropy, [math.log(3)], rtol=1e-5)
    wanted = np.abs(rois.deltas.numpy()[rois.classes.numpy() == 2]).sum() / 2
    np.testing.assert_allclose(distance, [wanted], rtol=1e-5)
    np.testing.assert_allclose(mask_loss(tf.zeros([1, 8, 8]), rois, 1), [math.log(2)], rtol=1e-5)
    np.testing.assert_array_equal(rois.masks, np.ones([1, 8, 8]))


def test_images_without_objects_train_the_background_only():
    config = MaskRCNNConfig(train_rois=4)
    anchors = tf.constant([[0.0, 0, 32, 32], [40, 40, 80, 80]])
    wanted = anchor_targets(anchors, NOTHING, config, SEEDS)
    prediction = AnchorPredictions(tf.constant([[5.0, 5.0]]), tf.ones([1, 2, 4]))
    entropy, distance = rpn_losses([prediction], wanted)
    assert entropy.numpy() > 5
    assert distance.numpy() == 0

    proposals = Proposals(tf.constant([[1.0, 1, 9, 9]]), tf.constant([0]))
    rois = roi_targets(proposals, NOTHING, config, SEEDS)
    assert rois.classes.numpy().tolist() == [0]
    predictions = BoxPredictions(tf.constant([[0.0, 5.0]]), tf.ones([1, 1, 4]))
    entropy, distance = box_losses(predictions, rois, 1, config)
    assert entropy.numpy() > 5
    assert distance.numpy() == 0
    assert mask_loss(tf.zeros([0, 28, 28]), rois, 1).numpy() == 0


def test_no_proposals_and_no_objects_give_zero_not_nan():
    nothing = Proposals(tf.zeros([0, 4]), tf.zeros([0], tf.int32))
    rois = roi_targets(nothing, NOTHING, MaskRCNNConfig(), SEEDS)
    predictions = BoxPredictions(tf.zeros([0, 2]), tf.zeros([0, 1, 4]))
    losses = box_losses(predictions, rois, 1, MaskRCNNConfig())
    assert [loss.numpy().tolist() for loss in losses] == [[0], [0]]


def three_rois() -> tuple[BoxPredictions, RoiTargets]:
    """Background and class 2 in the first image, class 1 in the second."""
    logits = np.array([[2, 0, 1], [0, 1, 3], [0, -1, 0]], "f4")
    targets = RoiTargets(
        boxes=tf.zeros([3, 4]),
        image_index=tf.constant([0, 0, 1]),
        classes=tf.constant([0, 2, 1]),
        deltas=tf.ones([3, 4]),
        positives=tf.constant([1, 2]),
        masks=tf.ones([2, 8, 8]),
    )
    return BoxPredictions(tf.constant(logits), tf.zeros([3, 2, 4])), targets


def entropies(predictions: BoxPredictions) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the true class of `three_rois`, and its cross entropy."""
    chances = tf.nn.softmax(predictions.logits).numpy()[[0, 1, 2], [0, 2, 1]]
    return chances, -np.log(chances)


def test_each_image_has_its_own_mean():
    predictions, targets = three_rois()
    _, entropy = entropies(predictions)
    class_loss, box_loss = box_losses(predictions, targets, 3, MaskRCNNConfig(classes=2))
    np.testing.assert_allclose(class_loss, [entropy[:2].mean(), entropy[2], 0], rtol=1e-5)
    np.testing.assert_allclose(box_loss, [2, 4, 0], rtol=1e-5)
    logits = tf.constant(np.repeat([0.0, 5], 64).reshape(2, 8, 8), tf.float32)
    wanted = [math.log(2), math.log(1 + math.exp(-5)), 0]
    np.testing.assert_allclose(mask_loss(logits, targets, 3), wanted, rtol=1e-4)


def test_classes_weigh_as_told():
    predictions, targets = three_rois()
    _, entropy = entropies(predictions)
    config = MaskRCNNConfig(classes=2, train_class_weights=(0.5, 3.0, 2.0))
    class_loss, _ = box_losses(predictions, targets, 2, config)
    wanted = [(0.5 * entropy[0] + 2 * entropy[1]) / 2, 3 * entropy[2]]
    np.testing.assert_allclose(class_loss, wanted, rtol=1e-5)
    with pytest.raises(ModelError, match="train_class_weights"):
        MaskRCNNConfig(classes=2, train_class_weights=(1.0, 1.0))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_by_hand_with_a_finite_gradient(gamma):
    predictions, targets = three_rois()
    chances, entropy = entropies(predictions)
    config = MaskRCNNConfig(classes=2, train_focal_gamma=gamma)
    class_loss, _ = box_losses(predictions, targets, 2, config)
    focal = (1 - chances) ** gamma * entropy
    np.testing.assert_allclose(class_loss, [focal[:2].mean(), focal[2]], rtol=1e-5)
    certain = tf.constant([[90.0, 0, 0], [0, 0, 90], [0, 90, 0]])
    with tf.GradientTape() as tape:
        tape.watch(certain)
        loss, _ = box_losses(predictions._replace(logits=certain), targets, 2, config)
    assert np.isfinite(tape.gradient(loss, certain)).all()


def test_objects_join_the_proposals():
    objects = truth([[10, 10, 50, 50], [0, 0, 0, 0]], [1, 0])
    far = Proposals(tf.constant([[200.0, 200, 240, 240]]), tf.constant([0]))
    rois = roi_targets(far, objects, MaskRCNNConfig(train_rois=8), SEEDS)
    index = rois.positives.numpy()
    np.testing.assert_array_equal(tf.gather(rois.boxes, index), [[10, 10, 50, 50]])


def test_crowd_is_neither_object_nor_background():
    crowd = truth([[0, 0, 100, 100]], [-1])
    inside = Proposals(tf.constant([[10.0, 10, 40, 40], [150, 150, 190, 190]]), tf.constant([0, 0]))
    rois = roi_targets(inside, crowd, MaskRCNNConfig(train_rois=8), SEEDS)
    np.testing.assert_array_equal(rois.boxes, [[150, 150, 190, 190]])
    assert rois.classes.numpy().tolist() == [0]
