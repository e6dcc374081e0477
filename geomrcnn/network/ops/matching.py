"""Which object each anchor or RoI answers for, and which of them are trained on."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.ops import boxes as box_ops

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1
PAIRS_AT_ONCE = 1 << 22
"""Pairs of a box and an object looked at together: 16 MiB a tensor of them."""
CROWD = -1
"""Class of a ground-truth region whose objects are not labelled one by one."""


class Match(NamedTuple):
    """labels [B, N] int32 POSITIVE, NEGATIVE or IGNORED; truth [B, N] int32, the best object."""

    labels: tf.Tensor
    truth: tf.Tensor


def match(
    boxes: tf.Tensor,
    truth_boxes: tf.Tensor,
    truth_classes: tf.Tensor,
    *,
    positive: float,
    negative: float,
    best_for_each_object: bool,
) -> Match:
    """Label boxes by their overlap with the objects of their image.

    The objects are gone through some at a time, so that memory stays bounded however many there
    are.

    Args:
        boxes: [B, N, 4], or [1, N, 4] where all images share them.
        truth_boxes: [B, G, 4].
        truth_classes: [B, G] int32; 0 is padding, CROWD a region to ignore.
        positive: From this IoU on a box is positive.
        negative: Below this IoU it is negative; in between it is ignored.
        best_for_each_object: Make each object's best box positive, whatever its IoU.
    """
    images, objects = tf.unstack(tf.shape(truth_classes))
    pairs = images * tf.shape(boxes)[1]  # for one object of each image
    step = tf.maximum(PAIRS_AT_ONCE // tf.maximum(pairs, 1), 1)

    def add(start: tf.Tensor, sofar: _Overlap) -> tuple[tf.Tensor, _Overlap]:
        some = slice(start, start + step)
        found = _overlap(boxes, truth_boxes[:, some], truth_classes[:, some])
        better = found.best > sofar.best
        return start + step, _Overlap(
            tf.where(better, found.best, sofar.best),
            tf.where(better, found.truth + start, sofar.truth),
            sofar.in_crowd | found.in_crowd,
            sofar.best_of_object | found.best_of_object,
        )

    none = tf.zeros([images, tf.shape(boxes)[1]], tf.bool)
    nothing = _Overlap(tf.where(none, 0.0, -1.0), tf.cast(none, tf.int32), none, none)
    _, overlap = tf.while_loop(
        lambda start, _: start < objects, add, (0, nothing), parallel_iterations=1
    )
    best = overlap.best
    labels = tf.where(best >= positive, POSITIVE, tf.where(best < negative, NEGATIVE, IGNORED))
    labels = tf.where(overlap.in_crowd & (best < positive), IGNORED, labels)
    if best_for_each_object:
        labels = tf.where(overlap.best_of_object, POSITIVE, labels)
    shape = [truth_classes.shape[0], boxes.shape[1]]
    return Match(tf.ensure_shape(labels, shape), tf.ensure_shape(overlap.truth, shape))


class _Overlap(NamedTuple):
    """Of each box [B, N] with some objects.

    best: the greatest IoU, -1 where there is no object; truth: int32, the first object with it;
    in_crowd: whether more than half of it lies in a crowd region;
    best_of_object: whether no box overlaps some object more.
    """

    best: tf.Tensor
    truth: tf.Tensor
    in_crowd: tf.Tensor
    best_of_object: tf.Tensor


def _overlap(boxes: tf.Tensor, truth_boxes: tf.Tensor, truth_classes: tf.Tensor) -> _Overlap:
    real = (truth_classes > 0)[:, None, :]
    overlap = tf.where(real, box_ops.iou(boxes, truth_boxes), -1.0)  # [B, N, G]
    best_for_object = tf.reduce_max(overlap, axis=1, keepdims=True)  # [B, 1, G]
    return _Overlap(
        tf.reduce_max(overlap, axis=2),
        tf.argmax(overlap, axis=2, output_type=tf.int32),
        _in_crowd(boxes, truth_boxes, truth_classes),
        tf.reduce_any((overlap >= best_for_object) & (overlap > 0), axis=2),
    )


def _in_crowd(boxes: tf.Tensor, truth_boxes: tf.Tensor, truth_classes: tf.Tensor) -> tf.Tensor:
    """[B, N] bool: more than half of the box lies in a crowd region."""
    share = box_ops.intersection(boxes, truth_boxes)
    share = tf.math.divide_no_nan(share, box_ops.area(boxes)[..., None])
    return tf.reduce_any((share > 0.5) & (truth_classes == CROWD)[:, None, :], axis=2)


class Sample(NamedTuple):
    """index [B, S] int32 into the boxes; chosen [B, S] bool, False for places left empty."""

    index: tf.Tensor
    chosen: tf.Tensor


def sample(labels: tf.Tensor, count: int, positive_share: float, seeds: tf.Tensor) -> Sample:
    """Draw up to `count` boxes an image, positives first, the rest negatives.

    Args:
        labels: [B, N] as `match` gives.
        count: S, places an image.
        positive_share: At most this share of the places goes to positives.
        seeds: [B, 2] int32, of each image: the same seed draws the same boxes of an image,
            whatever the others in its batch.
    """
    boxes = tf.shape(labels)[1:]
    dice = tf.stack([tf.random.stateless_uniform(boxes, seed) for seed in tf.unstack(seeds)])
    positives = tf.cast(labels == POSITIVE, tf.float32)
    rank = _rank(positives * (1 + dice))
    kept = (labels == POSITIVE) & (rank < int(count * positive_share))
    # Kept positives come first, negatives next, everything else never.
    priority = tf.where(kept, 2 + dice, tf.where(labels == NEGATIVE, 1 + dice, 0.0))
    best, index = tf.math.top_k(priority, tf.minimum(count, tf.shape(labels)[1]))
    return Sample(index, best > 0)


def _rank(priority: tf.Tensor) -> tf.Tensor:
    """[B, N] int32, the place of each value when sorted from the greatest."""
    return tf.argsort(tf.argsort(priority, direction="DESCENDING", stable=True))
