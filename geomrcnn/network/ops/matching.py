"""Which object each anchor or RoI answers for, and which of them are trained on."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.ops import boxes as box_ops

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1
CROWD = -1
"""Class of a ground-truth region whose objects are not labelled one by one."""


class Match(NamedTuple):
    """labels [B, N] int32 POSITIVE, NEGATIVE or IGNORED; truth [B, N] int32, the best object."""

    labels: tf.Tensor
    truth: tf.Tensor


def match(
    boxes: tf.Tensor,
    truth_boxes: tf.Tensor,
    truth_classes: tf.Tensor,
    *,
    positive: float,
    negative: float,
    best_for_each_object: bool,
) -> Match:
    """Label boxes by their overlap with the objects of their image.

    Args:
        boxes: [B, N, 4], or [1, N, 4] where all images share them.
        truth_boxes: [B, G, 4].
        truth_classes: [B, G] int32; 0 is padding, CROWD a region to ignore.
        positive: From this IoU on a box is positive.
        negative: Below this IoU it is negative; in between it is ignored.
        best_for_each_object: Make each object's best box positive, whatever its IoU.
    """
    real = truth_classes > 0
    overlap = tf.where(real[:, None, :], box_ops.iou(boxes, truth_boxes), -1.0)  # [B, N, G]
    best = tf.reduce_max(overlap, axis=2)
    truth = tf.argmax(overlap, axis=2, output_type=tf.int32)
    labels = tf.where(best >= positive, POSITIVE, tf.where(best < negative, NEGATIVE, IGNORED))
    labels = tf.where(_in_crowd(boxes, truth_boxes, truth_classes), IGNORED, labels)
    labels = tf.where(best >= positive, POSITIVE, labels)
    if best_for_each_object:
        best_for_object = tf.reduce_max(overlap, axis=1, keepdims=True)  # [B, 1, G]
        chosen = (overlap >= best_for_object) & (overlap > 0)
        labels = tf.where(tf.reduce_any(chosen, axis=2), POSITIVE, labels)
    return Match(labels, truth)


def _in_crowd(boxes: tf.Tensor, truth_boxes: tf.Tensor, truth_classes: tf.Tensor) -> tf.Tensor:
    """[B, N] bool: more than half of the box lies in a crowd region."""
    share = box_ops.intersection(boxes, truth_boxes)
    share = tf.math.divide_no_nan(share, box_ops.area(boxes)[..., None])
    return tf.reduce_any((share > 0.5) & (truth_classes == CROWD)[:, None, :], axis=2)


class Sample(NamedTuple):
    """index [B, S] int32 into the boxes; chosen [B, S] bool, False for places left empty."""

    index: tf.Tensor
    chosen: tf.Tensor


def sample(labels: tf.Tensor, count: int, positive_share: float, seed: tf.Tensor) -> Sample:
    """Draw up to `count` boxes an image, positives first, the rest negatives.

    Args:
        labels: [B, N] as `match` gives.
        count: S, places an image.
        positive_share: At most this share of the places goes to positives.
        seed: [2] int32; the same seed draws the same boxes.
    """
    dice = tf.random.stateless_uniform(tf.shape(labels), seed)
    positives = tf.cast(labels == POSITIVE, tf.float32)
    rank = _rank(positives * (1 + dice))
    kept = (labels == POSITIVE) & (rank < int(count * positive_share))
    # Kept positives come first, negatives next, everything else never.
    priority = tf.where(kept, 2 + dice, tf.where(labels == NEGATIVE, 1 + dice, 0.0))
    best, index = tf.math.top_k(priority, tf.minimum(count, tf.shape(labels)[1]))
    return Sample(index, best > 0)


def _rank(priority: tf.Tensor) -> tf.Tensor:
    """[B, N] int32, the place of each value when sorted from the greatest."""
    return tf.argsort(tf.argsort(priority, direction="DESCENDING", stable=True))
