"""The losses of a device's share of a batch, and their gradients."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.targets import GroundTruth


class Batch(NamedTuple):
    """What a step is made of.

    images [B, tile, tile, bands] float32; truth, of the same images; seeds [B, 2] int32, of the
    draws in each.
    """

    images: tf.Tensor
    truth: GroundTruth
    seeds: tf.Tensor

    def cut(self, start: int | tf.Tensor, size: int) -> Batch:
        """`size` images of the batch from `start` on."""

        def some(values: tf.Tensor) -> tf.Tensor:
            return tf.ensure_shape(values[start : start + size], [size, *values.shape[1:]])

        part: Batch = tf.nest.map_structure(some, self)
        return part


def signature(size: int, tile: int, bands: int) -> Batch:
    """Shapes of a batch: the number of objects alone differs from one to the next."""
    return Batch(
        tf.TensorSpec([size, tile, tile, bands], tf.float32),
        GroundTruth(
            boxes=tf.TensorSpec([size, None, 4], tf.float32),
            classes=tf.TensorSpec([size, None], tf.int32),
            masks=tf.TensorSpec([size, None, None, None], tf.uint8),
        ),
        tf.TensorSpec([size, 2], tf.int32),
    )


def loss_gradients(
    model: MaskRCNN, batch: Batch, weight: tf.Tensor, parts: int
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Losses of each image, and gradients of the sum of their totals times `weight`.

    Args:
        model: Its trainable variables are what the gradients are for, in this order.
        batch: B images.
        weight: A scalar.
        parts: The batch is worked through in so many parts of one size, one after the other, which
            takes the memory of one.

    Returns:
        Losses [B, 5], in the order of `Losses`, not a number where the image is not; a gradient
        for each variable.
    """
    if parts == 1:
        return _gradients(model, batch, weight)
    size = batch.images.shape[0] // parts
    losses = tf.TensorArray(tf.float32, parts, element_shape=[size, 5])
    nothing = [tf.zeros(variable.shape) for variable in model.trainable_variables]

    def add(
        part: tf.Tensor, losses: tf.TensorArray, sums: list[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.TensorArray, list[tf.Tensor]]:
        found, gradients = _gradients(model, batch.cut(part * size, size), weight)
        added = [before + gradient for before, gradient in zip(sums, gradients, strict=True)]
        return part + 1, losses.write(part, found), added

    _, losses, sums = tf.while_loop(
        lambda part, *_: part < parts, add, (0, losses, nothing), parallel_iterations=1
    )
    return losses.concat(), sums


def _gradients(
    model: MaskRCNN, batch: Batch, weight: tf.Tensor
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape:
        losses = model.losses_of(*batch)
        total = tf.reduce_sum(losses.total) * weight
    gradients = tape.gradient(
        total, model.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    # Convolutions may hide what is not a number in their input, though not in their gradients.
    sound = tf.reduce_all(tf.math.is_finite(batch.images), axis=[1, 2, 3])
    rows = tf.where(sound[:, None], tf.stack(list(losses), axis=1), float("nan"))
    return rows, [tf.convert_to_tensor(gradient) for gradient in gradients]
