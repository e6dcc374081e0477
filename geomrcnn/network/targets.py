"""What the network should have said: targets of anchors and of RoIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.ops import boxes as box_ops
from geomrcnn.network.ops.masks import crop_masks
from geomrcnn.network.ops.matching import POSITIVE, match, sample
from geomrcnn.network.proposals import Proposals


class GroundTruth(NamedTuple):
    """Labelled objects of a batch.

    boxes: [B, G, 4] float32 image pixels.
    classes: [B, G] int32, 1..C; 0 is padding, -1 a region to ignore.
    masks: [B, G, m, m] uint8, each on a grid over its own box.
    """

    boxes: tf.Tensor
    classes: tf.Tensor
    masks: tf.Tensor


class AnchorTargets(NamedTuple):
    """The sampled anchors S of each image.

    index [B, S] int32 into all anchors; used [B, S] and positive [B, S] float32 weights of 0 or 1;
    deltas [B, S, 4].
    """

    index: tf.Tensor
    used: tf.Tensor
    positive: tf.Tensor
    deltas: tf.Tensor


def anchor_targets(
    anchors: tf.Tensor, truth: GroundTruth, config: MaskRCNNConfig, seeds: tf.Tensor
) -> AnchorTargets:
    """Targets of anchors [N, 4], the same for every image of the batch; seeds [B, 2] int32."""
    labels, best = match(
        anchors[None],
        truth.boxes,
        truth.classes,
        positive=config.rpn_positive_iou,
        negative=config.rpn_negative_iou,
        best_for_each_object=True,
    )
    index, chosen = sample(labels, config.train_rpn_samples, config.train_rpn_positive_share, seeds)
    labels = tf.gather(labels, index, batch_dims=1)
    objects = tf.gather(truth.boxes, tf.gather(best, index, batch_dims=1), batch_dims=1)
    deltas = box_ops.encode(objects, tf.gather(anchors, index), config.rpn_box_weights)
    used = tf.cast(chosen, tf.float32)
    return AnchorTargets(index, used, used * tf.cast(labels == POSITIVE, tf.float32), deltas)


class RoiTargets(NamedTuple):
    """The sampled RoIs of a batch, flat: R in all, of which the P positive ones have masks.

    boxes [R, 4]; image_index [R] int32; classes [R] int32, 0 for background;
    deltas [R, 4], meaningful where the class is not background;
    positives [P] int32 into the R;
    masks [P, m, m] float32 of 0 or 1.
    """

    boxes: tf.Tensor
    image_index: tf.Tensor
    classes: tf.Tensor
    deltas: tf.Tensor
    positives: tf.Tensor
    masks: tf.Tensor


def roi_targets(
    proposals: Proposals, truth: GroundTruth, config: MaskRCNNConfig, seeds: tf.Tensor
) -> RoiTargets:
    """Draw RoIs for the heads from the proposals and the objects themselves; seeds [B, 2] int32.

    The objects' own boxes join the proposals, so that the heads see good boxes from the first
    step on.
    """
    batch = truth.boxes.shape[0]
    images = [_image_rois(proposals, truth, config, seeds[i : i + 1], i) for i in range(batch)]
    return _joined(images)


def _image_rois(
    proposals: Proposals, truth: GroundTruth, config: MaskRCNNConfig, seeds: tf.Tensor, image: int
) -> RoiTargets:
    boxes, classes, masks = truth.boxes[image], truth.classes[image], truth.masks[image]
    own = tf.boolean_mask(proposals.boxes, proposals.image_index == image)
    candidates = tf.concat([own, tf.boolean_mask(boxes, classes > 0)], axis=0)
    labels, best = match(
        candidates[None],
        boxes[None],
        classes[None],
        positive=config.roi_positive_iou,
        negative=config.roi_positive_iou,
        best_for_each_object=False,
    )
    index, chosen = sample(labels, config.train_rois, config.train_roi_positive_share, seeds)
    index = tf.boolean_mask(index[0], chosen[0])
    rois, positive = tf.gather(candidates, index), tf.gather(labels[0], index) == POSITIVE
    objects = tf.gather(best[0], index)
    truth_boxes = tf.gather(boxes, objects)
    positives = tf.cast(tf.reshape(tf.where(positive), [-1]), tf.int32)
    positive_objects = tf.gather(objects, positives)
    return RoiTargets(
        boxes=rois,
        image_index=tf.fill([tf.shape(rois)[0]], image),
        classes=tf.where(positive, tf.gather(classes, objects), 0),
        deltas=box_ops.encode(truth_boxes, rois, config.box_weights),
        positives=positives,
        masks=crop_masks(
            tf.gather(masks, positive_objects),
            tf.gather(boxes, positive_objects),
            tf.gather(rois, positives),
            config.mask_size,
        ),
    )


def _joined(images: Sequence[RoiTargets]) -> RoiTargets:
    """The targets of all images as one flat list; `positives` count on over it."""
    sizes = tf.stack([tf.shape(image.boxes)[0] for image in images])
    starts = tf.unstack(tf.cumsum(sizes, exclusive=True))
    shifted = [
        image._replace(positives=image.positives + start)
        for image, start in zip(images, starts, strict=True)
    ]
    return RoiTargets(*(tf.concat(parts, axis=0) for parts in zip(*shifted, strict=True)))
