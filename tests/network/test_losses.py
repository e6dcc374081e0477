"""Targets and losses on hand-made predictions."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.losses import box_losses, mask_loss, rpn_losses
from geomrcnn.network.proposals import Proposals
from geomrcnn.network.rpn import AnchorPredictions
from geomrcnn.network.targets import AnchorTargets, GroundTruth, anchor_targets, roi_targets

SEED = tf.constant([3, 4])


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
    np.testing.assert_allclose(entropy, (positive + negative) / 2, rtol=1e-5)
    np.testing.assert_allclose(distance, 1.5 / 2, rtol=1e-5)


def test_box_and_mask_losses_by_hand():
    config = MaskRCNNConfig(classes=2, train_rois=4, mask_size=8)
    objects = truth([[10, 10, 50, 50]], [2])
    rois = roi_targets(
        Proposals(tf.constant([[12.0, 10, 50, 50], [200, 200, 240, 240]]), tf.constant([0, 0])),
        objects,
        config,
        SEED,
    )
    # The proposal near the object or the object's own box, at a quarter of four, and background.
    assert sorted(rois.classes.numpy().tolist()) == [0, 2]
    deltas = np.zeros([2, 2, 4], "f4")
    deltas[:, 0] = 99  # of the other class: must not count
    logits = np.zeros([2, 3], "f4")
    entropy, distance = box_losses(BoxPredictions(tf.constant(logits), tf.constant(deltas)), rois)
    np.testing.assert_allclose(entropy, math.log(3), rtol=1e-5)
    wanted = np.abs(rois.deltas.numpy()[rois.classes.numpy() == 2]).sum() / 2
    np.testing.assert_allclose(distance, wanted, rtol=1e-5)
    np.testing.assert_allclose(mask_loss(tf.zeros([1, 8, 8]), rois), math.log(2), rtol=1e-5)
    np.testing.assert_array_equal(rois.masks, np.ones([1, 8, 8]))


def test_images_without_objects_train_the_background_only():
    config = MaskRCNNConfig(train_rois=4)
    anchors = tf.constant([[0.0, 0, 32, 32], [40, 40, 80, 80]])
    wanted = anchor_targets(anchors, NOTHING, config, SEED)
    prediction = AnchorPredictions(tf.constant([[5.0, 5.0]]), tf.ones([1, 2, 4]))
    entropy, distance = rpn_losses([prediction], wanted)
    assert float(entropy) > 5
    assert float(distance) == 0

    proposals = Proposals(tf.constant([[1.0, 1, 9, 9]]), tf.constant([0]))
    rois = roi_targets(proposals, NOTHING, config, SEED)
    assert rois.classes.numpy().tolist() == [0]
    predictions = BoxPredictions(tf.constant([[0.0, 5.0]]), tf.ones([1, 1, 4]))
    entropy, distance = box_losses(predictions, rois)
    assert float(entropy) > 5
    assert float(distance) == 0
    assert float(mask_loss(tf.zeros([0, 28, 28]), rois)) == 0


def test_no_proposals_and_no_objects_give_zero_not_nan():
    nothing = Proposals(tf.zeros([0, 4]), tf.zeros([0], tf.int32))
    rois = roi_targets(nothing, NOTHING, MaskRCNNConfig(), SEED)
    predictions = BoxPredictions(tf.zeros([0, 2]), tf.zeros([0, 1, 4]))
    assert [float(loss) for loss in box_losses(predictions, rois)] == [0, 0]


def test_objects_join_the_proposals():
    objects = truth([[10, 10, 50, 50], [0, 0, 0, 0]], [1, 0])
    far = Proposals(tf.constant([[200.0, 200, 240, 240]]), tf.constant([0]))
    rois = roi_targets(far, objects, MaskRCNNConfig(train_rois=8), SEED)
    index = rois.positives.numpy()
    np.testing.assert_array_equal(tf.gather(rois.boxes, index), [[10, 10, 50, 50]])


def test_crowd_is_neither_object_nor_background():
    crowd = truth([[0, 0, 100, 100]], [-1])
    inside = Proposals(tf.constant([[10.0, 10, 40, 40], [150, 150, 190, 190]]), tf.constant([0, 0]))
    rois = roi_targets(inside, crowd, MaskRCNNConfig(train_rois=8), SEED)
    np.testing.assert_array_equal(rois.boxes, [[150, 150, 190, 190]])
    assert rois.classes.numpy().tolist() == [0]
