"""The five losses. Each is a mean over what was sampled, zero where nothing was, never NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.rpn import AnchorPredictions
from geomrcnn.network.targets import AnchorTargets, RoiTargets


class Losses(NamedTuple):
    """Scalars, float32."""

    rpn_class: tf.Tensor
    rpn_box: tf.Tensor
    box_class: tf.Tensor
    box: tf.Tensor
    mask: tf.Tensor

    @property
    def total(self) -> tf.Tensor:
        """What training brings down: the plain sum."""
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
    count = tf.reduce_sum(targets.used)
    return (
        tf.math.divide_no_nan(tf.reduce_sum(entropy * targets.used), count),
        tf.math.divide_no_nan(tf.reduce_sum(distance * targets.positive), count),
    )


def box_losses(predictions: BoxPredictions, targets: RoiTargets) -> tuple[tf.Tensor, tf.Tensor]:
    """Class (softmax cross entropy) and box (L1 of the true class's deltas on positives).

    Both are divided by all sampled RoIs, so that an image with few objects does not weigh its
    few boxes more than one with many.
    """
    count = tf.cast(tf.shape(targets.classes)[0], tf.float32)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=targets.classes, logits=predictions.logits
    )
    foreground = tf.cast(targets.classes > 0, tf.float32)
    deltas = tf.gather(predictions.deltas, tf.maximum(targets.classes - 1, 0), axis=1, batch_dims=1)
    distance = tf.reduce_sum(tf.abs(deltas - targets.deltas), axis=-1)
    return (
        tf.math.divide_no_nan(tf.reduce_sum(entropy), count),
        tf.math.divide_no_nan(tf.reduce_sum(distance * foreground), count),
    )


def mask_loss(logits: tf.Tensor, targets: RoiTargets) -> tf.Tensor:
    """Binary cross entropy over the cells of the positive RoIs; logits [P, m, m]."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets.masks, logits=logits)
    cells = tf.cast(tf.size(entropy), tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(entropy), cells)
