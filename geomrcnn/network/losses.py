"""The five losses of each image, means over what was drawn there, or zero where nothing was.

The loss of a batch is the mean of its images', so it is the same however the batch is cut into
parts, and an image's share in it does not depend on the others. (Some implementations divide by the
count of the whole batch instead, which gives images with many objects more weight.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.rpn import AnchorPredictions
from geomrcnn.network.targets import AnchorTargets, RoiTargets


class Losses(NamedTuple):
    """Of each image, [B] float32."""

    rpn_class: tf.Tensor
    rpn_box: tf.Tensor
    box_class: tf.Tensor
    box: tf.Tensor
    mask: tf.Tensor

    @property
    def total(self) -> tf.Tensor:
        """What training brings down, [B]: the plain sum of the five."""
        return tf.add_n(list(self))


def rpn_losses(
    predictions: Sequence[AnchorPredictions], targets: AnchorTargets
) -> tuple[tf.Tensor, tf.Tensor]:
    """Objectness (binary cross entropy) and boxes (L1 on positives), over the sampled anchors."""
    logits = tf.concat([level.logits for level in predictions], axis=1)
    deltas = tf.concat([level.deltas for level in predictions], axis=1)
    logits = tf.gather(logits, targets.index, batch_dims=1)
    deltas = tf.gather(deltas, targets.index, batch_dims=1)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets.positive, logits=logits)
    distance = tf.reduce_sum(tf.abs(deltas - targets.deltas), axis=-1)
    count = tf.reduce_sum(targets.used, axis=1)
    return (
        tf.math.divide_no_nan(tf.reduce_sum(entropy * targets.used, axis=1), count),
        tf.math.divide_no_nan(tf.reduce_sum(distance * targets.positive, axis=1), count),
    )


def box_losses(
    predictions: BoxPredictions, targets: RoiTargets, images: int, config: MaskRCNNConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """Class (softmax cross entropy) and box (L1 of the true class's deltas on positives).

    Both are divided by all sampled RoIs of an image, so that one with few objects does not weigh
    its few boxes more than one with many.

    Args:
        predictions: Of the R RoIs.
        targets: Of the same, from `images` images.
        images: B.
        config: Says how classes weigh.
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=targets.classes, logits=predictions.logits
    )
    entropy *= _emphasis(predictions.logits, targets.classes, config)
    foreground = tf.cast(targets.classes > 0, tf.float32)
    deltas = tf.gather(predictions.deltas, tf.maximum(targets.classes - 1, 0), axis=1, batch_dims=1)
    distance = tf.reduce_sum(tf.abs(deltas - targets.deltas), axis=-1)
    return (
        tf.math.unsorted_segment_mean(entropy, targets.image_index, images),
        tf.math.unsorted_segment_mean(distance * foreground, targets.image_index, images),
    )


def _emphasis(logits: tf.Tensor, classes: tf.Tensor, config: MaskRCNNConfig) -> tf.Tensor:
    """[R], how much each RoI's class counts.

    The weight of its class, times (1 - p)^gamma with p the probability given to it (focal loss,
    Lin et al. 2017, equation 4).
    """
    weights = config.train_class_weights or (1.0,) * (1 + config.classes)
    emphasis = tf.gather(tf.constant(weights, tf.float32), classes)
    if config.train_focal_gamma == 0:
        return emphasis
    likely = tf.gather(tf.nn.softmax(logits), classes, axis=1, batch_dims=1)
    # The least float32 below 1 keeps the gradient of the power finite for a gamma below 1.
    return emphasis * tf.pow(tf.maximum(1 - likely, 6e-8), config.train_focal_gamma)


def mask_loss(logits: tf.Tensor, targets: RoiTargets, images: int) -> tf.Tensor:
    """Binary cross entropy over the cells of the positive RoIs; logits [P, m, m]."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets.masks, logits=logits)
    owner = tf.gather(targets.image_index, targets.positives)
    return tf.math.unsorted_segment_mean(tf.reduce_mean(entropy, axis=[1, 2]), owner, images)
