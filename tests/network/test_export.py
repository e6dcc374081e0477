"""What leaves for other runtimes computes what the network computes."""

from __future__ import annotations

import keras
import numpy as np
import openvino
import pytest
import tensorflow as tf

from geomrcnn.network.backbones import build_backbone
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.export import fold_batch_norms, openvino_graph
from geomrcnn.network.mask_rcnn import MaskRCNN


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50", "mobilenetv2"])
def test_folding_batch_norms_changes_nothing_but_the_weights(name):
    keras.utils.set_random_seed(1)
    backbone = build_backbone(name)
    rng = np.random.default_rng(2)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, size) for _ in range(4)])
    image = rng.normal(size=(1, 64, 64, 3)).astype("f4")
    before = backbone(image)
    fold_batch_norms(backbone)
    for tap, wanted in zip(backbone(image), before, strict=True):
        scale = np.abs(wanted.numpy()).max()
        np.testing.assert_allclose(tap / scale, wanted / scale, atol=1e-5)
    norms = [n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization)]
    assert all((np.asarray(norm.gamma) == 1).all() for norm in norms)


def test_the_openvino_graph_detects_what_the_network_detects():
    keras.utils.set_random_seed(5)
    config = MaskRCNNConfig.preset(
        "light", classes=2, pyramid_channels=32, box_units=(32,), proposals=100, detections=50
    )
    model = MaskRCNN(config)
    for weight in (*model.rpn.weights, *model.box_head.weights):
        weight.assign(weight * 4)
    # The last level must propose, too: its anchors once came out in the wrong places.
    model.rpn.logits.bias.assign([0.0, 0.1, 0.2])
    core = openvino.Core()
    graph = core.read_model(*openvino_graph(model))
    for side in (128, 512):
        image = tf.random.stateless_uniform([1, side, side, 3], [1, side], 0, 255)
        wanted = model(image)
        graph.reshape([1, side, side, 3])
        compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = compiled(image.numpy())
        assert len(wanted.scores) == len(found["scores"]) > 0
        # Random weights leave near-ties, which may change places: compare as sets.
        apart = np.abs(wanted.boxes.numpy()[:, None] - found["boxes"][None]).max(axis=2)
        twins = apart.argmin(axis=1)
        near = apart.min(axis=1) < 0.1
        assert near.mean() > 0.9
        np.testing.assert_allclose(
            found["scores"][twins][near], wanted.scores.numpy()[near], atol=1e-3
        )
        np.testing.assert_allclose(
            found["masks"][twins][near], wanted.masks.numpy()[near], atol=1e-2
        )
