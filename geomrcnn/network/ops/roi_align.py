"""RoIAlign (He et al. 2017), over one level or a pyramid, by each of the known conventions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from geomrcnn.network.geometry import LevelRule, Sampling
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
    sampling: Sampling = "half-pixel",
) -> tf.Tensor:
    """Features pooled in each RoI, [R, size, size, C] float32.

    Args:
        features: [B, H, W, C].
        rois: [R, (x1, y1, x2, y2)] in image pixels; for "corners" x2 and y2 are those of the last
            pixel.
        image_index: [R] int32, the image each RoI belongs to.
        stride: Image pixels per feature cell.
        size: Bins along a side.
        sampling: See `Geometry`.
    """
    if sampling == "corners":
        return _sample_corners(features, rois, image_index, stride, size)
    return _sample_bins(features, rois, image_index, stride, size, aligned=sampling == "half-pixel")


def _sample_bins(
    features: tf.Tensor,
    rois: tf.Tensor,
    image_index: tf.Tensor,
    stride: int,
    size: int,
    *,
    aligned: bool,
) -> tf.Tensor:
    """The mean of 2×2 samples in each bin.

    The sampling points form one regular grid over the RoI, so one bilinear `crop_and_resize`
    fetches them all and an average pool folds them into bins. The border is repeated by one
    pixel first: points up to one cell outside read the border, points beyond read zero.
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
    points = _crop(padded, tf.concat([first / far, last / far], axis=-1), image_index, grid)
    # A plain mean of strided slices: pooling operators refuse an empty list of RoIs.
    bins = [points[:, i::SAMPLES, j::SAMPLES] for i in range(SAMPLES) for j in range(SAMPLES)]
    return tf.add_n(bins) / len(bins)


def _sample_corners(
    features: tf.Tensor, rois: tf.Tensor, image_index: tf.Tensor, stride: int, size: int
) -> tf.Tensor:
    """One sample a bin, the outer ones on the RoI's corners; the last cell is the last pixel."""
    return _crop(features, rois / last_pixel(features, stride), image_index, size)


def last_pixel(features: tf.Tensor, stride: int) -> tf.Tensor:
    """(W - 1, H - 1, W - 1, H - 1) of the image of a level [B, H / stride, W / stride, C]."""
    shape = tf.shape(features)
    return tf.cast(tf.stack([shape[2], shape[1]] * 2) * stride - 1, tf.float32)


def _crop(features: tf.Tensor, boxes: tf.Tensor, image_index: tf.Tensor, size: int) -> tf.Tensor:
    """[R, size, size, C] read bilinearly in boxes (x1, y1, x2, y2) of the range 0..1."""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    corners = tf.stack([y1, x1, y2, x2], axis=-1)
    features = tf.cast(features, tf.float32)
    return tf.image.crop_and_resize(features, corners, image_index, [size, size])


def assign_levels(
    rois: tf.Tensor,
    lowest: int,
    highest: int,
    rule: LevelRule = "floor",
    scale: float | tf.Tensor = 1.0,
) -> tf.Tensor:
    """Pyramid level of each RoI: [R] int32 in lowest..highest, by FPN's equation 1.

    `scale` is what sides are multiplied with first.
    """
    side = tf.sqrt(box_ops.area(rois)) * scale
    octaves = tf.math.log(side / CANONICAL_SIZE + 1e-8) / math.log(2.0)
    if rule == "round":
        level = tf.round(CANONICAL_LEVEL + octaves)
    else:
        level = tf.floor(CANONICAL_LEVEL + octaves + 1e-6)
    return tf.cast(tf.clip_by_value(level, lowest, highest), tf.int32)


def pyramid_roi_align(
    levels: Sequence[tf.Tensor],
    rois: tf.Tensor,
    image_index: tf.Tensor,
    *,
    strides: Sequence[int],
    size: int,
    sampling: Sampling = "half-pixel",
    level_rule: LevelRule = "floor",
) -> tf.Tensor:
    """Each RoI pooled from the level of its size, [R, size, size, C], in the order given.

    Args:
        levels: [B, H_l, W_l, C] from the finest, P2 first.
        rois: [R, 4] image pixels.
        image_index: [R] int32.
        strides: Image pixels per cell of each level.
        size: Bins along a side.
        sampling: See `Geometry`.
        level_rule: See `Geometry`.
    """
    lowest = int(math.log2(strides[0]))
    scale = _stretch(levels[0], strides[0]) if sampling == "corners" else 1.0
    level_of = assign_levels(rois, lowest, lowest + len(levels) - 1, level_rule, scale)
    pooled, order = [], []
    for number, (features, stride) in enumerate(zip(levels, strides, strict=True), lowest):
        members = tf.reshape(tf.where(tf.equal(level_of, number)), [-1])
        bins = roi_align(
            features,
            tf.gather(rois, members),
            tf.gather(image_index, members),
            stride=stride,
            size=size,
            sampling=sampling,
        )
        # As rows, for which no runtime has another layout that it would reorder them to.
        pooled.append(tf.reshape(bins, [-1, size * size * features.shape[-1]]))
        order.append(members)
    position = tf.argsort(tf.concat(order, axis=0))
    rows = tf.gather(tf.concat(pooled, axis=0), position)
    return tf.reshape(rows, [-1, size, size, levels[0].shape[-1]])


def _stretch(features: tf.Tensor, stride: int) -> tf.Tensor:
    """How much longer a side is, as a share of the image, when normalised by (side - 1).

    matterport's rule multiplies that share with the whole side; here the mean of both sides.
    """
    last = last_pixel(features, stride)[:2]
    return tf.sqrt(tf.reduce_prod((last + 1) / last))
