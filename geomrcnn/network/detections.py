"""From the box head's predictions to the boxes that are reported."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.geometry import GEOMETRIES
from geomrcnn.network.ops import boxes as box_ops
from geomrcnn.network.ops.nms import grouped_nms
from geomrcnn.network.proposals import Proposals, flatten


class DetectedBoxes(NamedTuple):
    """Flat over the batch, an image's own together, best first.

    boxes [M, 4] image pixels; scores [M]; classes [M] int32, 1..C; image_index [M] int32.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    image_index: tf.Tensor


def detect_boxes(
    predictions: BoxPredictions, proposals: Proposals, windows: tf.Tensor, config: MaskRCNNConfig
) -> DetectedBoxes:
    """Every class of every RoI above the threshold, NMS within a class, the best of each image.

    `windows` [B, 4] are the boxes that those of each image are cut to.
    """
    geometry = GEOMETRIES[config.geometry]
    scores = tf.nn.softmax(predictions.logits)  # [R, 1 + C]
    boxes = box_ops.decode(
        predictions.deltas,
        proposals.boxes[:, None],
        config.box_weights,
        clamped=geometry.clamped_growth,
    )
    boxes = box_ops.clip(boxes, tf.gather(windows, proposals.image_index)[:, None])  # [R, C, 4]
    reported = scores[:, 1:] > config.score_threshold
    if geometry.best_class_only:
        best_class = tf.argmax(scores, axis=1, output_type=tf.int32)
        # Not `tf.one_hot`: in ONNX an index of -1, here background, means the last class.
        reported &= best_class[:, None] == tf.range(1, config.classes + 1)
    reported &= box_ops.usable(boxes, geometry.smallest_detection)

    found = []
    for image in range(windows.shape[0]):
        likely = reported & (proposals.image_index == image)[:, None]
        place = tf.cast(tf.where(likely), tf.int32)  # [K, (roi, class - 1)]
        image_boxes, image_scores = tf.gather_nd(boxes, place), tf.gather_nd(scores[:, 1:], place)
        classes = place[:, 1] + 1
        groups = tf.zeros_like(classes) if config.class_agnostic_nms else classes
        best = grouped_nms(
            image_boxes, image_scores, groups, config.detection_nms_iou, config.detections
        )
        found.append([tf.gather(part, best) for part in (image_boxes, image_scores, classes)])
    joined, image_index = flatten([boxes for boxes, _, _ in found])
    return DetectedBoxes(
        boxes=joined,
        scores=tf.concat([scores for _, scores, _ in found], axis=0),
        classes=tf.concat([classes for _, _, classes in found], axis=0),
        image_index=image_index,
    )
