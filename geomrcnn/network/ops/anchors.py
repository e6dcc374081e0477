"""Anchors: the boxes from which proposals start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from geomrcnn.network.geometry import Geometry


def cell_anchors(size: float, ratios: Sequence[float]) -> np.ndarray:
    """Anchors of one cell about the origin: [ratios, (x1, y1, x2, y2)] float32.

    Each has the area size²; a ratio is height / width.
    """
    roots = np.sqrt(np.asarray(ratios, np.float64))
    half = 0.5 * size * np.stack([1 / roots, roots], axis=-1)
    return np.concatenate([-half, half], axis=-1).astype(np.float32)


def grid_anchors(
    cell: np.ndarray,
    strides: tuple[int | tf.Tensor, int | tf.Tensor],
    rows: int | tf.Tensor,
    columns: int | tf.Tensor,
) -> tf.Tensor:
    """Anchors of a feature level: [rows * columns * len(cell), 4], row by row, cell by cell.

    Cell (i, j) is centred at (j * stride, i * stride), the upper left corner of its pixels, as in
    detectron2 and torchvision; `strides` are those of i and of j.
    """
    y = tf.cast(tf.range(rows) * strides[0], tf.float32)
    x = tf.cast(tf.range(columns) * strides[1], tf.float32)
    x, y = tf.meshgrid(x, y)
    shifts = tf.reshape(tf.stack([x, y, x, y], axis=-1), [-1, 1, 4])
    return tf.reshape(shifts + cell[None], [-1, 4])


def pyramid_anchors(
    features: Sequence[tf.Tensor],
    strides: Sequence[int],
    sizes: Sequence[float],
    ratios: Sequence[float],
    geometry: Geometry,
) -> list[tf.Tensor]:
    """Anchors of every level, [N_level, 4] each, for features [B, H_level, W_level, C]."""
    image = [strides[0] * cells for cells in _cells(features[0])]
    shift = np.array([0, 0, geometry.far_corner, geometry.far_corner], np.float32)
    anchors = []
    for level, stride, size in zip(features, strides, sizes, strict=True):
        cell, cells = cell_anchors(size, ratios), _cells(level)
        if geometry.rounded_anchors:
            cell = np.round(cell)
        spread = (stride, stride)
        if geometry.fitted_strides:
            spread = (image[0] // cells[0], image[1] // cells[1])
        anchors.append(grid_anchors(cell - shift, spread, *cells))
    return anchors


def _cells(level: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows and columns."""
    shape = tf.shape(level)
    return shape[1], shape[2]
