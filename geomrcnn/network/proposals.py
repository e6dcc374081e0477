"""From the region proposal network's predictions to RoIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.geometry import Geometry
from geomrcnn.network.ops import boxes as box_ops
from geomrcnn.network.ops.nms import grouped_nms
from geomrcnn.network.rpn import AnchorPredictions


class Proposals(NamedTuple):
    """RoIs of a batch, flat: boxes [R, 4] image pixels, image_index [R] int32.

    An image's RoIs stand together, best first; their number differs from image to image.
    """

    boxes: tf.Tensor
    image_index: tf.Tensor


def propose(
    predictions: Sequence[AnchorPredictions],
    anchors: Sequence[tf.Tensor],
    windows: tf.Tensor,
    *,
    box_weights: Sequence[float],
    before_nms: int,
    nms_iou: float,
    after_nms: int,
    geometry: Geometry,
) -> Proposals:
    """The best boxes of every level, without near-duplicates.

    Args:
        predictions: One for each level.
        anchors: [N_level, 4] of each level.
        windows: [B, 4], the boxes that those of each image are cut to.
        box_weights: Of the box codec.
        before_nms: Boxes kept of each level before NMS.
        nms_iou: NMS runs within a level, as an object seen at two levels is one for the heads
            to settle.
        after_nms: Boxes kept of each image, over all levels, by objectness.
        geometry: May make one level of all.
    """
    batch = predictions[0].logits.shape[0]
    if batch is None:
        raise ValueError("proposals need a batch of known size")
    if geometry.joint_proposals:
        joined = (tf.concat(parts, axis=1) for parts in zip(*predictions, strict=True))
        predictions, anchors = [AnchorPredictions(*joined)], [tf.concat(anchors, axis=0)]
    kept = []
    for image in range(batch):
        level_boxes, level_scores, level_number = [], [], []
        for number, (level, level_anchors) in enumerate(zip(predictions, anchors, strict=True)):
            count = tf.minimum(before_nms, tf.shape(level.logits)[1])
            scores, index = tf.math.top_k(_rank(level.logits[image], geometry), count)
            boxes = box_ops.decode(
                tf.gather(level.deltas[image], index),
                tf.gather(level_anchors, index),
                box_weights,
                clamped=geometry.clamped_growth,
            )
            level_boxes.append(box_ops.clip(boxes, windows[image]))
            level_scores.append(scores)
            level_number.append(tf.fill([count], number))
        boxes = tf.concat(level_boxes, axis=0)
        scores = tf.concat(level_scores, axis=0)
        numbers = tf.concat(level_number, axis=0)
        usable = tf.reshape(tf.where(box_ops.usable(boxes, geometry.smallest_proposal)), [-1])
        boxes, scores = tf.gather(boxes, usable), tf.gather(scores, usable)
        best = grouped_nms(boxes, scores, tf.gather(numbers, usable), nms_iou, after_nms)
        kept.append(tf.gather(boxes, best))
    return flatten(kept)


def flatten(boxes: Sequence[tf.Tensor]) -> Proposals:
    """Boxes [R_image, 4] of each image as one flat list."""
    index = [tf.fill([tf.shape(b)[0]], image) for image, b in enumerate(boxes)]
    return Proposals(tf.concat(list(boxes), axis=0), tf.concat(index, axis=0))


def _rank(logits: tf.Tensor, geometry: Geometry) -> tf.Tensor:
    """[N], by which proposals are ranked."""
    if geometry.objectness == "logit":
        return logits
    # A softmax, as in the original, since a sigmoid rounds otherwise where it saturates.
    return tf.nn.softmax(tf.stack([tf.zeros_like(logits), logits], axis=-1))[:, 1]
