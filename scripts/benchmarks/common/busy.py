"""Networks that are as busy as trained ones, without a training: for measuring speed only.

Speed depends on weights in three places: how many proposals outlive suppression, how many RoIs
score high enough to be compared, and how many objects get a mask. A network with random weights
says the same everywhere and finds nothing, so its layers are scaled by what they give for one
image: batch norms take that image's statistics, outputs get a spread, and the least score is set
so that four times as many RoIs exceed it as there are objects to report.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.export import fold_batch_norms, openvino_graph
from geomrcnn.network.mask_rcnn import MaskRCNN

RIVALS = 4
"""RoIs that exceed the least score, to each object that is reported."""
SHIFT = 0.2
"""Deviation of the deltas that make proposals of anchors: they then differ enough for NMS."""
HEAVY = ("resnet50", "resnet101")
"""Backbones that go with the head of the literature, the others with that of the shipped models."""


def config_for(backbone: str, proposals: int, detections: int) -> MaskRCNNConfig:
    """A network as it is used with a backbone, for one class."""
    return MaskRCNNConfig.preset(
        "resnet50" if backbone in HEAVY else "light",
        backbone=backbone,
        proposals=proposals,
        proposals_before_nms=proposals,
        detections=detections,
    )


def busy_network(config: MaskRCNNConfig, image: np.ndarray) -> MaskRCNN:
    """A network with random weights that makes proposals and reports objects.

    Args:
        config: Its recipe; the network's own has another least score.
        image: [1, H, W, bands] float32 raw pixel values.
    """
    keras.utils.set_random_seed(0)
    model = MaskRCNN(dataclasses.replace(config, train_batch_norm=True))
    normalised = (image - np.float32(config.pixel_mean)) / np.float32(config.pixel_std)
    levels = _spread_backbone(model, normalised)
    for lateral, level in zip(model.fpn.lateral, levels, strict=True):
        _scale(lateral, 1 / _deviation(lateral(level)))
    predictions = model.rpn(model.fpn(levels))
    _scale(model.rpn.logits, 1 / _deviation(*(level.logits for level in predictions)))
    _scale(model.rpn.deltas, SHIFT / _deviation(*(level.deltas for level in predictions)))
    logits = model.stages(tf.constant(image)).box_predictions.logits
    scale = 1 / float(tf.reduce_mean(tf.math.reduce_std(logits, axis=0)))
    _scale(model.box_head.logits, scale)
    model.box_head.logits.bias.assign(-scale * tf.reduce_mean(logits, axis=0))
    return with_rivals(model, image)


def with_rivals(model: MaskRCNN, image: np.ndarray) -> MaskRCNN:
    """The network with the least score that gives each object it reports `RIVALS` of them."""
    config = model.config
    logits = model.stages(tf.constant(image)).box_predictions.logits
    scores = np.sort(tf.nn.softmax(logits).numpy()[:, 1:].ravel())
    least = float(scores[-min(RIVALS * config.detections, len(scores))])
    model.config = dataclasses.replace(config, score_threshold=np.nextafter(least, 0))
    return model


def exported(model: MaskRCNN) -> tuple[bytes, bytes]:
    """Its OpenVINO graph, xml and bin, made as for bundles."""
    fold_batch_norms(model.backbone)
    return openvino_graph(model)


def _spread_backbone(model: MaskRCNN, normalised: np.ndarray) -> list[tf.Tensor]:
    """C2..C5, after all batch norms have taken the statistics of an image."""
    for layer in model.backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable, layer.momentum = True, 0.0
    model.backbone(normalised, training=True)
    return model.backbone(normalised, training=False)


def _scale(layer: keras.layers.Layer, factor: float) -> None:
    layer.kernel.assign(factor * layer.kernel)


def _deviation(*values: tf.Tensor) -> float:
    return float(tf.math.reduce_std(tf.concat([tf.reshape(v, [-1]) for v in values], axis=0)))
