"""Norms after the layers of pyramid and heads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.network.box_head import BoxHead
from geomrcnn.network.config import NORMS, MaskRCNNConfig
from geomrcnn.network.fpn import FeaturePyramid
from geomrcnn.network.mask_head import MaskHead
from geomrcnn.network.norms import NO_NORM, NormMaker, apply


def config(norm: str = "batch", **changes) -> MaskRCNNConfig:
    return MaskRCNNConfig(
        pyramid_channels=48,
        pyramid_norm=norm,
        box_convolutions=2,
        box_units=(40,),
        unit_norm=norm,
        head_norm=norm,
        classes=3,
        **changes,
    )


def pyramid(network: MaskRCNNConfig) -> FeaturePyramid:
    return FeaturePyramid(network.pyramid_channels, NormMaker.of(network.pyramid_norm, network))


def noise(*shape: int) -> tf.Tensor:
    return tf.random.stateless_normal(shape, [1, 2]) * 3 + 1


FEATURES = [noise(2, 16 >> i, 16 >> i, 8) for i in range(4)]
ROIS = noise(6, 7, 7, 48)


def test_layers_and_their_norms_have_the_names_of_the_contract():
    layer = BoxHead(config())
    layer(ROIS)
    names = {weight.path for weight in layer.weights}
    assert {
        "box_head/convolution1/bias",
        "box_head/convolution2_norm/gamma",
        "box_head/hidden1_norm/moving_variance",
    } <= names
    fpn = pyramid(config())
    fpn(FEATURES)
    names = {weight.path for weight in fpn.weights}
    assert {"fpn/lateral2_norm/beta", "fpn/output5_norm/gamma"} <= names


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("train", [False, True])
def test_only_batch_norms_that_are_asked_to_learn_do(norm, train):
    network = config(norm, train_batch_norm=train)
    layers = [(pyramid(network), FEATURES), (BoxHead(network), ROIS), (MaskHead(network), ROIS)]
    for layer, given in layers:
        layer(given)
        statistics = [w for w in layer.weights if "moving" in w.path]
        before = [w.numpy() for w in statistics]
        layer(given, training=True)
        moved = [bool((w.numpy() != b).any()) for w, b in zip(statistics, before, strict=True)]
        assert bool(statistics) == norm.endswith("batch")
        assert all(moved) == train or not statistics
        learnt = [w for w in layer.trainable_weights if "_norm/" in w.path]
        assert bool(learnt) == (norm == "group" or (train and norm != "none"))


@pytest.mark.parametrize("train", [False, True])
def test_a_norm_comes_between_layer_and_relu(train):
    dense = keras.layers.Dense(4, name="one")
    (norm,) = NormMaker("batch", epsilon=0.25, trainable=train).after([dense], 4)
    x = noise(9, 5)
    found = apply([dense], [norm], x, training=True)
    plain = dense(x).numpy()
    mean, variance = (plain.mean(0), plain.var(0)) if train else (0, 1)
    wanted = np.maximum((plain - mean) / np.sqrt(variance + 0.25), 0)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert NO_NORM.after([dense], 4) == []


def test_groups_divide_the_channels():
    layers = [keras.layers.Dense(n, name=f"units{n}") for n in (48, 64)]
    assert [norm.groups for norm in NormMaker("group").after(layers, (48, 64))] == [16, 32]


def test_no_rois_at_all():
    network = config()
    assert BoxHead(network)(noise(0, 7, 7, 48)).deltas.shape == (0, 3, 4)
    head = MaskHead(network)
    cells = head(noise(0, 7, 7, 48))
    assert head.of_class(cells, tf.zeros([0], tf.int32)).shape == (0, 14, 14)


def test_masks_are_of_the_class_of_each_roi():
    head = MaskHead(config())
    cells, classes = head(noise(5, 7, 7, 48)), [3, 1, 2, 3, 1]
    head.logits.bias.assign([0.5, -1.0, 2.0])
    every = head.logits(cells).numpy()
    expected = [logits[..., number - 1] for logits, number in zip(every, classes, strict=True)]
    found = head.of_class(cells, tf.constant(classes))
    np.testing.assert_allclose(found, expected, atol=1e-6)
