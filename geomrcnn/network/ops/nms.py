"""Greedy non-maximum suppression. A box is kept if no better kept one overlaps it by more."""

from __future__ import annotations

import tensorflow as tf


def nms(boxes: tf.Tensor, scores: tf.Tensor, iou: float, limit: int | tf.Tensor) -> tf.Tensor:
    """Indices [K <= limit] of the boxes kept, best first; ties go to the lower index."""
    return tf.image.non_max_suppression(boxes, scores, limit, iou_threshold=iou)


def grouped_nms(
    boxes: tf.Tensor, scores: tf.Tensor, groups: tf.Tensor, iou: float, limit: int | tf.Tensor
) -> tf.Tensor:
    """NMS within each group (class or level) of one image; indices [K <= limit], best first.

    The groups are moved apart so that boxes of different ones cannot overlap. The boxes are
    pixels of one tile, so the shifted coordinates stay exact to about 0.01 px in float32.
    """
    span = tf.reduce_max(tf.concat([tf.reshape(boxes, [-1]), [0.0]], axis=0)) + 1
    return nms(boxes + (tf.cast(groups, tf.float32) * span)[:, None], scores, iou, limit)
