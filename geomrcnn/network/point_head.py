"""Finer outlines from points (PointRend, Kirillov et al. 2020).

The mask head knows an object as a whole, but on few cells. Where it is in doubt, which is along the
outline, this head looks again at single points of the finest level.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from geomrcnn.network.config import STRIDES, MaskRCNNConfig
from geomrcnn.network.mask_head import of_class
from geomrcnn.network.ops.points import doubled, most_uncertain, read_points, replace_points
from geomrcnn.network.proposals import Proposals

HIDDEN = 3
"""Hidden layers."""
OVERSAMPLING = 3
UNCERTAIN_SHARE = 0.75
"""In training, of so many times the points that are wanted the most uncertain give this share of
them, and the rest lie anywhere."""


class PointHead(keras.layers.Layer):  # type: ignore[misc]
    """Fully connected layers on the features of a point and what the mask head says there.

    They give a correction of the latter, small at first, so that training can only improve on it.
    (The paper's head decides anew.)
    """

    def __init__(self, config: MaskRCNNConfig, name: str = "point_head") -> None:
        """Make the layers, of `pyramid_channels` each."""
        super().__init__(name=name)
        self.cells = config.mask_size
        self.refinements = config.mask_refinements
        self.hidden = [
            keras.layers.Dense(
                config.pyramid_channels,
                activation="relu",
                kernel_initializer="he_normal",
                name=f"hidden{i}",
            )
            for i in range(1, HIDDEN + 1)
        ]
        self.correction = keras.layers.Dense(
            config.classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="correction",
        )

    def call(
        self,
        finest: tf.Tensor,
        rois: Proposals,
        classes: tf.Tensor,
        logits: tf.Tensor,
        points: tf.Tensor,
    ) -> tf.Tensor:
        """Mask logits [R, P] at points of each RoI.

        Args:
            finest: P2 [B, H, W, C].
            rois: R.
            classes: [R] int32, 1..C.
            logits: [R, m, m] of the mask head, for these classes.
            points: [R, P, (x, y)] in the RoIs, from 0 to 1.
        """
        corner, opposite = rois.boxes[:, None, :2], rois.boxes[:, None, 2:]
        pixels = corner + points * (opposite - corner)
        fine = read_points(finest, rois.image_index, pixels / STRIDES[0])
        rows = tf.range(tf.shape(points)[0])
        coarse = read_points(logits[..., None], rows, points * self.cells)
        x = tf.concat([fine, coarse], axis=-1)
        for layer in self.hidden:
            # What the mask head says is put in again before every layer, as in the paper.
            x = tf.concat([layer(x), tf.cast(coarse, x.dtype)], axis=-1)
        correction = tf.cast(self.correction(x), tf.float32)
        return coarse[..., 0] + of_class(correction, classes)

    def refine(
        self, finest: tf.Tensor, rois: Proposals, classes: tf.Tensor, logits: tf.Tensor
    ) -> tf.Tensor:
        """The grid doubled `mask_refinements` times, its most uncertain cells decided again.

        [R, m, m] -> [R, M, M] logits; m² cells are decided at each doubling.
        """
        grid = logits
        for _ in range(self.refinements):
            grid = doubled(grid)
            cells, points = most_uncertain(grid, self.cells**2)
            grid = replace_points(grid, cells, self(finest, rois, classes, logits, points))
        return grid


def training_points(logits: tf.Tensor, image_index: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Points to learn at, most of them where the mask head is in doubt.

    Args:
        logits: [P, m, m] of the positive RoIs.
        image_index: [P] int32.
        seeds: [B, 2] int32. All RoIs of an image choose from the same points.

    Returns:
        [P, (m / 2)², (x, y)] from 0 to 1.
    """
    count = (logits.shape[1] // 2) ** 2
    uncertain = int(UNCERTAIN_SHARE * count)
    drawn = OVERSAMPLING * count + count - uncertain
    of_images = [tf.random.stateless_uniform([drawn, 2], seed) for seed in tf.unstack(seeds)]
    points = tf.gather(tf.stack(of_images), image_index)
    candidates, anywhere = points[:, : OVERSAMPLING * count], points[:, OVERSAMPLING * count :]
    rows = tf.range(tf.shape(logits)[0])
    said = read_points(logits[..., None], rows, candidates * logits.shape[1])[..., 0]
    doubtful = tf.math.top_k(-tf.abs(said), uncertain).indices
    chosen = tf.gather(candidates, doubtful, batch_dims=1)
    return tf.stop_gradient(tf.concat([chosen, anywhere], axis=1))
