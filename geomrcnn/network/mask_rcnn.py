"""Mask R-CNN (He et al. 2017), the whole flow on one page."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from geomrcnn.network.backbones import build_backbone
from geomrcnn.network.box_head import BoxHead
from geomrcnn.network.config import SIZE_DIVISOR, STRIDES, MaskRCNNConfig
from geomrcnn.network.detections import detect_boxes
from geomrcnn.network.fpn import FeaturePyramid
from geomrcnn.network.losses import Losses, box_losses, mask_loss, rpn_losses
from geomrcnn.network.mask_head import MaskHead
from geomrcnn.network.ops.anchors import pyramid_anchors
from geomrcnn.network.ops.roi_align import pyramid_roi_align
from geomrcnn.network.proposals import Proposals, propose
from geomrcnn.network.rpn import AnchorPredictions, RegionProposalHead
from geomrcnn.network.targets import GroundTruth, anchor_targets, roi_targets


class DetectedObjects(NamedTuple):
    """Flat over the batch, an image's own together, best first.

    boxes [M, 4] image pixels; scores [M]; classes [M] int32, 1..C;
    masks [M, m, m] probabilities over the box; image_index [M] int32.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    masks: tf.Tensor
    image_index: tf.Tensor


class MaskRCNN(keras.Model):  # type: ignore[misc]
    """Images [B, H, W, bands] of raw pixel values in; objects, or losses, out.

    B must be known when a graph is traced; H and W are free multiples of `SIZE_DIVISOR`.
    """

    def __init__(self, config: MaskRCNNConfig) -> None:
        """Build every part with fresh weights."""
        # float32 whatever the global policy: pixels and boxes need the precision.
        super().__init__(name="mask_rcnn", dtype="float32")
        self.config = config
        self.backbone = build_backbone(
            config.backbone, config.bands, train_batch_norm=config.train_batch_norm
        )
        if not config.train_stem:
            for layer in keras.Model(self.backbone.input, self.backbone.output[0]).layers:
                layer.trainable = False
        self.fpn = FeaturePyramid(config.pyramid_channels)
        self.rpn = RegionProposalHead(config.pyramid_channels, len(config.anchor_ratios))
        self.box_head = BoxHead(config.classes, config.box_units)
        self.mask_head = MaskHead(config.classes, config.pyramid_channels, config.mask_convolutions)
        self(tf.zeros([1, 2 * SIZE_DIVISOR, 2 * SIZE_DIVISOR, config.bands]))  # makes the weights

    def call(self, images: tf.Tensor) -> DetectedObjects:
        """Detect the objects of a batch."""
        levels, predictions, anchors = self._trunk(images, training=False)
        proposals = self._propose(images, predictions, anchors, training=False)
        boxes = detect_boxes(
            self.box_head(self._pool(levels, proposals, self.config.box_pool)),
            proposals,
            _size(images),
            images.shape[0],
            self.config,
        )
        rois = Proposals(boxes.boxes, boxes.image_index)
        logits = self.mask_head(self._pool(levels, rois, self.config.mask_size // 2), boxes.classes)
        return DetectedObjects(
            boxes.boxes, boxes.scores, boxes.classes, tf.sigmoid(logits), boxes.image_index
        )

    def losses_of(self, images: tf.Tensor, truth: GroundTruth, seed: tf.Tensor) -> Losses:
        """The losses on a batch; `seed` [2] int32 decides which anchors and RoIs are drawn."""
        levels, predictions, anchors = self._trunk(images, training=True)
        anchor_seed, roi_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        wanted = anchor_targets(tf.concat(anchors, axis=0), truth, self.config, anchor_seed)
        rpn_class, rpn_box = rpn_losses(predictions, wanted)

        # The RoIs are where the heads look, not something they are trained through.
        proposals = self._propose(images, predictions, anchors, training=True)
        rois = roi_targets(
            Proposals(*map(tf.stop_gradient, proposals)), truth, self.config, roi_seed
        )
        drawn = Proposals(rois.boxes, rois.image_index)
        box_class, box = box_losses(
            self.box_head(self._pool(levels, drawn, self.config.box_pool)), rois
        )
        positive = Proposals(*(tf.gather(part, rois.positives) for part in drawn))
        logits = self.mask_head(
            self._pool(levels, positive, self.config.mask_size // 2),
            tf.gather(rois.classes, rois.positives),
        )
        return Losses(rpn_class, rpn_box, box_class, box, mask_loss(logits, rois))

    def _trunk(
        self, images: tf.Tensor, training: bool
    ) -> tuple[list[tf.Tensor], list[AnchorPredictions], list[tf.Tensor]]:
        """P2..P6, what the region proposal head says of every anchor, and the anchors."""
        config = self.config
        normalised = (images - tf.constant(config.pixel_mean)) / tf.constant(config.pixel_std)
        levels = self.fpn(self.backbone(normalised, training=training))
        anchors = pyramid_anchors(levels, STRIDES, config.anchor_sizes, config.anchor_ratios)
        return levels, self.rpn(levels), anchors

    def _propose(
        self,
        images: tf.Tensor,
        predictions: list[AnchorPredictions],
        anchors: list[tf.Tensor],
        training: bool,
    ) -> Proposals:
        config = self.config
        return propose(
            predictions,
            anchors,
            _size(images),
            box_weights=config.rpn_box_weights,
            before_nms=(
                config.train_proposals_before_nms if training else config.proposals_before_nms
            ),
            nms_iou=config.rpn_nms_iou,
            after_nms=config.train_proposals if training else config.proposals,
        )

    def _pool(self, levels: list[tf.Tensor], rois: Proposals, size: int) -> tf.Tensor:
        """Features of each RoI, [R, size, size, C], from P2..P5."""
        return pyramid_roi_align(
            levels[:4], rois.boxes, rois.image_index, strides=STRIDES[:4], size=size
        )


def _size(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.shape(images)
    return shape[1], shape[2]
