"""RoIAlign (He et al. 2017) with 2×2 samples a bin, over one level or a pyramid."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from geomrcnn.network.ops import boxes as box_ops

SAMPLES = 2
"""Sampling points along each side of a bin."""
CANONICAL_SIZE = 224
CANONICAL_LEVEL = 4
"""An RoI of 224 px is pooled from P4 (FPN, Lin et al. 2017, equation 1)."""


def roi_align(
    features: tf.Tensor,
    rois: tf.Tensor,
    image_index: tf.Tensor,
    *,
    stride: int,
    size: int,
    aligned: bool = True,
) -> tf.Tensor:
    """Features pooled in each RoI, [R, size, size, C].

    The sampling points form one regular grid over the RoI, so one bilinear `crop_and_resize`
    fetches them all and an average pool folds them into bins. The border is repeated by one
    pixel first: points up to one cell outside read the border, points beyond read zero.

    Args:
        features: [B, H, W, C].
        rois: [R, (x1, y1, x2, y2)] in image pixels.
        image_index: [R] int32, the image each RoI belongs to.
        stride: Image pixels per feature cell.
        size: Bins along a side.
        aligned: False leaves out the half-pixel shift and takes RoIs as at least one cell wide,
            as older torchvision weights expect.
    """
    grid = size * SAMPLES
    corners = rois / stride
    if aligned:
        start, extent = corners[:, :2] - 0.5, corners[:, 2:] - corners[:, :2]
    else:
        start, extent = corners[:, :2], tf.maximum(corners[:, 2:] - corners[:, :2], 1.0)
    spacing = extent / grid
    first = start + 0.5 * spacing + 1  # + 1 for the repeated border
    last = first + spacing * (grid - 1)

    padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    shape = tf.shape(padded)
    far = tf.cast(tf.stack([shape[2], shape[1]]) - 1, tf.float32)
    x1, y1 = tf.unstack(first / far, axis=-1)
    x2, y2 = tf.unstack(last / far, axis=-1)
    points = tf.image.crop_and_resize(
        tf.cast(padded, tf.float32), tf.stack([y1, x1, y2, x2], axis=-1), image_index, [grid, grid]
    )
    # A plain mean of strided slices: pooling operators refuse an empty list of RoIs.
    bins = [points[:, i::SAMPLES, j::SAMPLES] for i in range(SAMPLES) for j in range(SAMPLES)]
    return tf.add_n(bins) / len(bins)


def assign_levels(rois: tf.Tensor, lowest: int, highest: int) -> tf.Tensor:
    """Pyramid level of each RoI: [R] int32 in lowest..highest, by FPN's equation 1 (floor)."""
    side = tf.sqrt(box_ops.area(rois))
    octaves = tf.math.log(side / CANONICAL_SIZE + 1e-8) / math.log(2.0)
    level = tf.floor(CANONICAL_LEVEL + octaves + 1e-6)
    return tf.cast(tf.clip_by_value(level, lowest, highest), tf.int32)


def pyramid_roi_align(
    levels: Sequence[tf.Tensor],
    rois: tf.Tensor,
    image_index: tf.Tensor,
    *,
    strides: Sequence[int],
    size: int,
    aligned: bool = True,
) -> tf.Tensor:
    """Each RoI pooled from the level of its size, [R, size, size, C], in the order given.

    Args:
        levels: [B, H_l, W_l, C] from the finest, P2 first.
        rois: [R, 4] image pixels.
        image_index: [R] int32.
        strides: Image pixels per cell of each level.
        size: Bins along a side.
        aligned: See `roi_align`.
    """
    lowest = int(math.log2(strides[0]))
    level_of = assign_levels(rois, lowest, lowest + len(levels) - 1)
    pooled, order = [], []
    for number, (features, stride) in enumerate(zip(levels, strides, strict=True), lowest):
        members = tf.reshape(tf.where(tf.equal(level_of, number)), [-1])
        pooled.append(
            roi_align(
                features,
                tf.gather(rois, members),
                tf.gather(image_index, members),
                stride=stride,
                size=size,
                aligned=aligned,
            )
        )
        order.append(members)
    position = tf.argsort(tf.concat(order, axis=0))
    return tf.gather(tf.concat(pooled, axis=0), position)
