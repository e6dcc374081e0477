"""Operators of TensorFlow in terms of plainer ones, for runtimes that lack them.

`tf.image.crop_and_resize` has no counterpart in LiteRT, and in ONNX it becomes a loop over boxes;
four gathers do the same there, and faster. LiteRT knows only the padded kind of non-maximum
suppression, and its `unstack` refuses an empty list, such as that of a level without RoIs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def plain_operators() -> Iterator[None]:
    """While a function is traced, use the plain operators instead of TensorFlow's own.

    Swaps module attributes, so nothing else should be traced meanwhile.
    """
    swaps = (
        (tf, "unstack", unstack),
        (tf.image, "crop_and_resize", crop_and_resize),
        (tf.image, "non_max_suppression", non_max_suppression),
    )
    originals = [getattr(module, name) for module, name, _ in swaps]
    try:
        for module, name, plain in swaps:
            setattr(module, name, plain)
        yield
    finally:
        for (module, name, _), original in zip(swaps, originals, strict=True):
            setattr(module, name, original)


def crop_and_resize(
    image: tf.Tensor, boxes: tf.Tensor, box_indices: tf.Tensor, crop_size: Sequence[int]
) -> tf.Tensor:
    """`tf.image.crop_and_resize`, bilinear and zero outside, by four gathers.

    Args:
        image: [B, H, W, C].
        boxes: [R, (y1, x1, y2, x2)], in units of (side - 1).
        box_indices: [R] int32.
        crop_size: Rows and columns of samples, at least two of each.

    Returns:
        [R, rows, columns, C].
    """
    shape = tf.shape(image)
    y1, x1, y2, x2 = unstack(boxes, axis=-1)
    top, bottom, down, in_rows = _samples(y1, y2, crop_size[0], shape[1])
    left, right, across, in_columns = _samples(x1, x2, crop_size[1], shape[2])
    cells = tf.reshape(image, [-1, image.shape[3]])
    first_row = box_indices[:, None] * shape[1]

    def read(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        return tf.gather(cells, (first_row + rows)[:, :, None] * shape[2] + columns[:, None, :])

    down, across = down[:, :, None, None], across[:, None, :, None]
    upper = read(top, left) * (1 - across) + read(top, right) * across
    lower = read(bottom, left) * (1 - across) + read(bottom, right) * across
    inside = in_rows[:, :, None, None] * in_columns[:, None, :, None]
    return (upper * (1 - down) + lower * down) * inside


def _samples(
    first: tf.Tensor, last: tf.Tensor, count: int, side: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Along one axis, [R, count] each: the two cells to read, the share of the second, and 0 or 1.

    The last is 0 for a sample outside.
    """
    far = tf.cast(side - 1, tf.float32)
    step = (last - first) * far / (count - 1)
    at = (first * far)[:, None] + step[:, None] * tf.range(count, dtype=tf.float32)
    inside = tf.cast((at >= 0) & (at <= far), tf.float32)
    at = tf.minimum(tf.maximum(at, 0.0), far)
    low = tf.floor(at)
    cell = tf.cast(low, tf.int32)
    return cell, tf.minimum(cell + 1, side - 1), at - low, inside


def non_max_suppression(
    boxes: tf.Tensor,
    scores: tf.Tensor,
    max_output_size: int | tf.Tensor,
    iou_threshold: float = 0.5,
) -> tf.Tensor:
    """`tf.image.non_max_suppression`, padded and cut again."""
    kept, _, count = tf.raw_ops.NonMaxSuppressionV5(
        boxes=boxes,
        scores=scores,
        max_output_size=max_output_size,
        iou_threshold=iou_threshold,
        score_threshold=float("-inf"),
        soft_nms_sigma=0.0,
        pad_to_max_output_size=True,
    )
    return kept[:count]


def unstack(value: tf.Tensor, num: int | None = None, axis: int = 0) -> list[tf.Tensor]:
    """`tf.unstack` by slices."""
    count = num or value.shape[axis]
    return [tf.gather(value, index, axis=axis) for index in range(count)]
