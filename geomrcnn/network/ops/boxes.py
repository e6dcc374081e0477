"""Box arithmetic. Boxes are [..., (x1, y1, x2, y2)] in continuous pixels, float32."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

LARGEST_LOG_SCALE = math.log(1000 / 16)
"""Decoded boxes grow by at most this factor (log), so that a wild delta cannot overflow exp."""


def area(boxes: tf.Tensor) -> tf.Tensor:
    """[..., 4] -> [...] square pixels, zero for a box turned inside out."""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    return tf.maximum(x2 - x1, 0) * tf.maximum(y2 - y1, 0)


def intersection(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Pairwise common area: [..., N, 4] and [..., M, 4] -> [..., N, M]."""
    a, b = boxes[..., :, None, :], others[..., None, :, :]
    sides = tf.minimum(a[..., 2:], b[..., 2:]) - tf.maximum(a[..., :2], b[..., :2])
    sides = tf.maximum(sides, 0)
    return sides[..., 0] * sides[..., 1]


def iou(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Pairwise intersection over union: [..., N, 4] and [..., M, 4] -> [..., N, M]."""
    common = intersection(boxes, others)
    union = area(boxes)[..., :, None] + area(others)[..., None, :] - common
    return tf.math.divide_no_nan(common, union)


def clip(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Boxes [..., 4] cut to windows, which are boxes of a shape that broadcasts to theirs."""
    low, high = tf.concat([window[..., :2]] * 2, -1), tf.concat([window[..., 2:]] * 2, -1)
    return tf.minimum(tf.maximum(boxes, low), high)


def _centres(boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sides, sides


def usable(boxes: tf.Tensor, smallest: float | None) -> tf.Tensor:
    """[...] bool; False for boxes that are not finite or have a side not above `smallest`."""
    finite = tf.reduce_all(tf.math.is_finite(boxes), axis=-1)
    if smallest is None:
        return finite
    return finite & tf.reduce_all(boxes[..., 2:] - boxes[..., :2] > smallest, axis=-1)


def encode(boxes: tf.Tensor, anchors: tf.Tensor, weights: Sequence[float]) -> tf.Tensor:
    """Deltas (dx, dy, dw, dh) that turn anchors into boxes (R-CNN, Girshick 2014, appendix C).

    Both [..., 4]; each delta is multiplied by its weight. Boxes without extent, such as padding,
    give finite deltas.
    """
    centre, sides = _centres(boxes)
    anchor_centre, anchor_sides = _centres(anchors)
    anchor_sides = tf.maximum(anchor_sides, 1e-3)
    shift = (centre - anchor_centre) / anchor_sides
    scale = tf.math.log(tf.maximum(sides, 1e-3) / anchor_sides)
    return tf.concat([shift, scale], axis=-1) * tf.constant(weights, tf.float32)


def decode(
    deltas: tf.Tensor, anchors: tf.Tensor, weights: Sequence[float], *, clamped: bool = True
) -> tf.Tensor:
    """Boxes from deltas; the inverse of `encode`, with the growth clamped or not."""
    deltas = tf.cast(deltas, tf.float32) / tf.constant(weights, tf.float32)
    anchor_centre, anchor_sides = _centres(anchors)
    centre = deltas[..., :2] * anchor_sides + anchor_centre
    growth = tf.minimum(deltas[..., 2:], LARGEST_LOG_SCALE) if clamped else deltas[..., 2:]
    sides = tf.exp(growth) * anchor_sides
    return tf.concat([centre - 0.5 * sides, centre + 0.5 * sides], axis=-1)
