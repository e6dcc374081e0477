"""Reading maps at points, and deciding again on the cells of a grid that are in doubt."""

from __future__ import annotations

import tensorflow as tf


def read_points(maps: tf.Tensor, index: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Bilinear values at points, [R, P, C] float32; beyond the outer cell centres, theirs.

    Args:
        maps: [N, H, W, C].
        index: [R] int32, the map of each row of points.
        points: [R, P, (x, y)] in cells: cell i covers [i, i + 1).
    """
    shape = tf.shape(maps)
    height, width = shape[1], shape[2]
    cells = tf.reshape(maps, [-1, maps.shape[3]])
    left, right, across = _neighbours(points[..., 0], width)
    upper, lower, down = _neighbours(points[..., 1], height)
    first = (index * height)[:, None]

    def read(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(cells, (first + row) * width + column), tf.float32)

    above = read(upper, left) * (1 - across) + read(upper, right) * across
    below = read(lower, left) * (1 - across) + read(lower, right) * across
    return above * (1 - down) + below * down


def _neighbours(position: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The cells whose centres lie before and after a position, and the share of the second."""
    last = tf.cast(count - 1, tf.float32)
    position = tf.minimum(tf.maximum(position - 0.5, 0.0), last)
    before = tf.floor(position)
    cell = tf.cast(before, tf.int32)
    return cell, tf.minimum(cell + 1, count - 1), (position - before)[..., None]


def doubled(grid: tf.Tensor) -> tf.Tensor:
    """[R, m, m] -> [R, 2m, 2m], bilinear about the cell centres."""
    return _doubled_rows(_doubled_rows(grid, axis=1), axis=2)


def _doubled_rows(grid: tf.Tensor, axis: int) -> tf.Tensor:
    """By arithmetic, as TensorFlow's resizing refuses an empty list of grids."""
    cells = grid.shape[axis]
    first, last = tf.gather(grid, [0], axis=axis), tf.gather(grid, [cells - 1], axis=axis)
    inner = tf.range(cells - 1)
    before = tf.concat([first, tf.gather(grid, inner, axis=axis)], axis=axis)
    after = tf.concat([tf.gather(grid, inner + 1, axis=axis), last], axis=axis)
    pair = tf.stack([0.75 * grid + 0.25 * before, 0.75 * grid + 0.25 * after], axis=axis + 1)
    shape = [-1, *grid.shape[1:]]
    shape[axis] = 2 * cells
    return tf.reshape(pair, shape)


def most_uncertain(grid: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The cells of a grid of logits [R, m, m] that are nearest to 0.

    Returns:
        Their numbers, row by row, [R, count] int32; their centres [R, count, (x, y)], 0 to 1.
    """
    side = grid.shape[1]
    cells = tf.math.top_k(-tf.abs(tf.reshape(grid, [-1, side * side])), count).indices
    places = tf.stack([cells % side, cells // side], axis=-1)
    return cells, (tf.cast(places, tf.float32) + 0.5) / side


def replace_points(grid: tf.Tensor, cells: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """A grid [R, m, m] with new values [R, P] in the cells [R, P] of `most_uncertain`."""
    area = grid.shape[1] * grid.shape[2]
    rows = tf.range(tf.shape(grid)[0])[:, None] * area
    places = tf.reshape(rows + cells, [-1, 1])
    flat = tf.reshape(grid, [-1])
    replaced = tf.tensor_scatter_nd_update(flat, places, tf.reshape(values, [-1]))
    return tf.reshape(replaced, [-1, *grid.shape[1:]])
