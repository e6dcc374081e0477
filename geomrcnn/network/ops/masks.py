"""Mask targets: the part of an object's mask that falls in an RoI."""

from __future__ import annotations

import tensorflow as tf


def crop_masks(masks: tf.Tensor, mask_boxes: tf.Tensor, rois: tf.Tensor, size: int) -> tf.Tensor:
    """Binary targets [P, size, size] float32 on each RoI's grid.

    Args:
        masks: [P, m, m], the object of each RoI, on a grid over the object's own box.
        mask_boxes: [P, 4], that box, in image pixels.
        rois: [P, 4] image pixels.
        size: Cells along a side of the target.

    A cell is inside when the mask, read bilinearly at the cell's centre, is at least one half.
    """
    cells = tf.cast(tf.shape(masks)[1], tf.float32)
    side = tf.maximum(mask_boxes[:, 2:] - mask_boxes[:, :2], 1e-3)
    per_pixel = cells / side
    spacing = (rois[:, 2:] - rois[:, :2]) * per_pixel / size
    # Mask cell k has its centre at k + 0.5; the ring of zeros put around shifts it to k + 1.
    first = (rois[:, :2] - mask_boxes[:, :2]) * per_pixel + 0.5 * spacing + 0.5
    last = first + spacing * (size - 1)
    ringed = tf.pad(tf.cast(masks, tf.float32), [[0, 0], [1, 1], [1, 1]])[..., None]
    far = cells + 1
    corners = tf.stack([first[:, 1], first[:, 0], last[:, 1], last[:, 0]], axis=-1) / far
    count = tf.shape(masks)[0]
    cut = tf.image.crop_and_resize(ringed, corners, tf.range(count), [size, size])
    return tf.cast(cut[..., 0] >= 0.5, tf.float32)
