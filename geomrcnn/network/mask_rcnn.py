"""Mask R-CNN (He et al. 2017), the whole flow on one page."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from geomrcnn.network.backbones import build_backbone
from geomrcnn.network.box_head import BoxHead, BoxPredictions
from geomrcnn.network.config import SIZE_DIVISOR, STRIDES, MaskRCNNConfig
from geomrcnn.network.detections import DetectedBoxes, detect_boxes
from geomrcnn.network.fpn import FeaturePyramid
from geomrcnn.network.geometry import GEOMETRIES
from geomrcnn.network.losses import Losses, box_losses, mask_loss, rpn_losses
from geomrcnn.network.mask_head import MaskHead
from geomrcnn.network.norms import NormMaker
from geomrcnn.network.ops.anchors import pyramid_anchors
from geomrcnn.network.ops.roi_align import pyramid_roi_align
from geomrcnn.network.proposals import Proposals, propose
from geomrcnn.network.rpn import AnchorPredictions, RegionProposalHead
from geomrcnn.network.targets import GroundTruth, anchor_targets, roi_targets


class DetectedObjects(NamedTuple):
    """Flat over the batch, an image's own together, best first.

    boxes [M, 4] pixels of the images as given; scores [M]; classes [M] int32, 1..C;
    masks [M, m, m] probabilities over the box; image_index [M] int32.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    masks: tf.Tensor
    image_index: tf.Tensor


class Stages(NamedTuple):
    """Everything on the way from images to objects, in order.

    Boxes in `anchors`, `proposals` and `boxes` are in the coordinates that the geometry computes
    in: their far corners are `Geometry.far_corner` pixels further in.

    levels: P2..P6, [B, H_l, W_l, C] each.
    anchors: [N_l, 4] of each level.
    predictions: Of each level's anchors.
    proposals: The RoIs R.
    pooled: [R, p, p, C], what the box head sees.
    box_predictions: What it says.
    boxes: The M boxes that are reported.
    mask_cells: [M, m, m, C], what masks of every class are computed from.
    mask_logits: [M, m, m], of the class of each box.
    """

    levels: list[tf.Tensor]
    anchors: list[tf.Tensor]
    predictions: list[AnchorPredictions]
    proposals: Proposals
    pooled: tf.Tensor
    box_predictions: BoxPredictions
    boxes: DetectedBoxes
    mask_cells: tf.Tensor
    mask_logits: tf.Tensor


class MaskRCNN(keras.Model):  # type: ignore[misc]
    """Images [B, H, W, bands] of raw pixel values in; objects, or losses, out.

    B must be known when a graph is traced; H and W are free multiples of `SIZE_DIVISOR`.
    """

    def __init__(self, config: MaskRCNNConfig) -> None:
        """Build every part with fresh weights."""
        # float32 whatever the global policy: pixels and boxes need the precision.
        super().__init__(name="mask_rcnn", dtype="float32")
        self.config = config
        self.geometry = GEOMETRIES[config.geometry]
        self.backbone = build_backbone(
            config.backbone,
            config.bands,
            style=config.resnet_style,
            epsilon=config.batch_norm_epsilon,
            train_batch_norm=config.train_batch_norm,
        )
        if not config.train_stem:
            for layer in keras.Model(self.backbone.input, self.backbone.output[0]).layers:
                layer.trainable = False
        channels = config.pyramid_channels
        self.fpn = FeaturePyramid(channels, NormMaker.of(config.pyramid_norm, config))
        self.rpn = RegionProposalHead(
            config.rpn_channels or channels, len(config.anchor_ratios), config.rpn_convolutions
        )
        self.box_head = BoxHead(config)
        self.mask_head = MaskHead(config)
        self(tf.zeros([1, 2 * SIZE_DIVISOR, 2 * SIZE_DIVISOR, config.bands]))  # makes the weights

    def call(self, images: tf.Tensor, windows: tf.Tensor | None = None) -> DetectedObjects:
        """Detect the objects of a batch.

        Args:
            images: [B, H, W, bands].
            windows: [B, 4] float32 boxes, the parts that are image and not padding; objects are
                cut to them. None: all.
        """
        return self.objects(self.stages(images, windows))

    def stages(self, images: tf.Tensor, windows: tf.Tensor | None = None) -> Stages:
        """What `call` computes on its way, for the same arguments."""
        levels, predictions, anchors = self._trunk(images, training=False)
        whole = self._whole(images)
        within = whole if windows is None else windows - self._inset
        reach = whole if self.geometry.proposals_in_padding else within
        proposals = self._propose(reach, predictions, anchors, training=False)
        pooled = self._pool(levels, proposals, self.config.box_pool)
        box_predictions = self.box_head(pooled)
        boxes = detect_boxes(box_predictions, proposals, within, self.config)
        rois = Proposals(boxes.boxes, boxes.image_index)
        mask_cells, mask_logits = self._draw(levels, rois, boxes.classes, training=False)
        return Stages(
            levels,
            anchors,
            predictions,
            proposals,
            pooled,
            box_predictions,
            boxes,
            mask_cells,
            mask_logits,
        )

    def objects(self, stages: Stages) -> DetectedObjects:
        """What is reported at the end of the way."""
        boxes, scores, classes, image_index = stages.boxes
        masks = tf.sigmoid(stages.mask_logits)
        return DetectedObjects(boxes + self._inset, scores, classes, masks, image_index)

    def losses_of(self, images: tf.Tensor, truth: GroundTruth, seeds: tf.Tensor) -> Losses:
        """The losses of each image; seeds [B, 2] int32 decide which anchors and RoIs are drawn."""
        levels, predictions, anchors = self._trunk(images, training=True)
        truth = truth._replace(boxes=truth.boxes - self._inset)
        split = [tf.random.experimental.stateless_split(seed, 2) for seed in tf.unstack(seeds)]
        anchor_seeds, roi_seeds = tf.unstack(tf.stack(split), axis=1)
        wanted = anchor_targets(tf.concat(anchors, axis=0), truth, self.config, anchor_seeds)
        rpn_class, rpn_box = rpn_losses(predictions, wanted)

        # The RoIs are where the heads look, not something they are trained through.
        proposals = self._propose(self._whole(images), predictions, anchors, training=True)
        rois = roi_targets(
            Proposals(*map(tf.stop_gradient, proposals)), truth, self.config, roi_seeds
        )
        drawn = Proposals(rois.boxes, rois.image_index)
        box_class, box = box_losses(
            self.box_head(self._pool(levels, drawn, self.config.box_pool), training=True),
            rois,
            images.shape[0],
            self.config,
        )
        positive = Proposals(*(tf.gather(part, rois.positives) for part in drawn))
        classes = tf.gather(rois.classes, rois.positives)
        _, logits = self._draw(levels, positive, classes, training=True)
        return Losses(rpn_class, rpn_box, box_class, box, mask_loss(logits, rois, images.shape[0]))

    def _trunk(
        self, images: tf.Tensor, training: bool
    ) -> tuple[list[tf.Tensor], list[AnchorPredictions], list[tf.Tensor]]:
        """P2..P6, what the region proposal head says of every anchor, and the anchors."""
        config = self.config
        normalised = (images - tf.constant(config.pixel_mean)) / tf.constant(config.pixel_std)
        levels = self.fpn(self.backbone(normalised, training=training), training=training)
        anchors = pyramid_anchors(
            levels, STRIDES, config.anchor_sizes, config.anchor_ratios, self.geometry
        )
        return levels, self.rpn(levels), anchors

    def _propose(
        self,
        windows: tf.Tensor,
        predictions: list[AnchorPredictions],
        anchors: list[tf.Tensor],
        training: bool,
    ) -> Proposals:
        config = self.config
        return propose(
            predictions,
            anchors,
            windows,
            box_weights=config.rpn_box_weights,
            before_nms=(
                config.train_proposals_before_nms if training else config.proposals_before_nms
            ),
            nms_iou=config.rpn_nms_iou,
            after_nms=config.train_proposals if training else config.proposals,
            geometry=self.geometry,
        )

    def _pool(self, levels: list[tf.Tensor], rois: Proposals, size: int) -> tf.Tensor:
        """Features of each RoI, [R, size, size, C], from P2..P5."""
        return pyramid_roi_align(
            levels[:4],
            rois.boxes,
            rois.image_index,
            strides=STRIDES[:4],
            size=size,
            sampling=self.geometry.sampling,
            level_rule=self.geometry.level_rule,
        )

    def _draw(
        self, levels: list[tf.Tensor], rois: Proposals, classes: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Features of the cells of masks [R, m, m, C], and logits of each RoI's class [R, m, m]."""
        # One RoI more, whose mask is dropped: convolutions of LiteRT, and gradients of
        # TensorFlow's, fail on an empty list.
        more = Proposals(tf.pad(rois.boxes, [[0, 1], [0, 0]]), tf.pad(rois.image_index, [[0, 1]]))
        pooled = self._pool(levels, more, self.config.mask_size // 2)
        cells = self.mask_head(pooled, training=training)
        logits = self.mask_head.of_class(cells, tf.pad(classes, [[0, 1]], constant_values=1))
        return cells[:-1], logits[:-1]

    @property
    def _inset(self) -> tf.Tensor:
        """What boxes in pixels are more than those that the geometry computes with."""
        far = self.geometry.far_corner
        return tf.constant([0.0, 0.0, far, far])

    def _whole(self, images: tf.Tensor) -> tf.Tensor:
        """[B, 4], the box of each image."""
        shape = tf.shape(images)
        corner = tf.cast(tf.stack([0, 0, shape[2], shape[1]]), tf.float32) - self._inset
        return tf.tile(corner[None], [images.shape[0], 1])
