from __future__ import annotations

from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones import BACKBONES, build_backbone
from geomrcnn.network.backbones.resnet import ResNet, build_resnet
from geomrcnn.network.config import BACKBONE_NAMES

CHANNELS = {
    "resnet50": [256, 512, 1024, 2048],
    "resnet101": [256, 512, 1024, 2048],
    "efficientnet-lite0": [24, 40, 112, 320],
    "efficientnet-lite1": [24, 40, 112, 320],
    "efficientnet-lite2": [24, 48, 120, 352],
    "mobilenetv2": [24, 32, 96, 320],
}
SMALL = ResNet((1, 1, 1, 1))


@cache
def built(name: str) -> keras.Model:
    """A backbone to look at, not to change."""
    return build_backbone(name)


def learnt_count(model: keras.Model) -> int:
    """Parameters as papers count them: without the statistics of batch norms."""
    return sum(int(np.prod(v.shape)) for v in model.weights if "moving" not in v.name)


def is_batch_norm(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_every_name_of_the_config_is_built() -> None:
    assert tuple(BACKBONES) == BACKBONE_NAMES == tuple(CHANNELS)


@pytest.mark.parametrize("name", CHANNELS)
def test_strides_and_channels_at_any_size(name: str) -> None:
    backbone = built(name)
    assert backbone.input_shape == (None, None, None, 3)
    for height, width in ((64, 96), (65, 33)):
        outputs = backbone(noise(1, height, width, 3))
        expected = [
            (1, -(-height // stride), -(-width // stride), channels)
            for stride, channels in zip((4, 8, 16, 32), CHANNELS[name], strict=True)
        ]
        assert [tuple(output.shape) for output in outputs] == expected


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("efficientnet-lite0", 4_652_008),
        ("efficientnet-lite1", 5_416_680),
        ("efficientnet-lite2", 6_092_072),
        ("mobilenetv2", 3_504_872),
    ],
)
def test_parameters_with_the_classifier_are_the_published_number(name: str, published: int) -> None:
    head = CHANNELS[name][-1] * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert learnt_count(built(name)) + head == published


def test_parameters_of_torchvision_resnet50() -> None:
    net = ResNet((3, 4, 6, 3), epsilon=1e-5, conv_bias=False, stride_in_3x3=True)
    head = 2048 * 1000 + 1000
    assert learnt_count(build_resnet(net)) + head == 25_557_032


@pytest.mark.parametrize("late", [False, True])
def test_resnet_strides_where_it_says(late: bool) -> None:
    backbone = build_resnet(replace(SMALL, stride_in_3x3=late))
    layers = [backbone.get_layer(f"block3_1_conv{i}").output for i in (1, 2)]
    model = keras.Model(backbone.input, layers)
    first, second = model(noise(1, 64, 64, 3))
    assert first.shape[1] == (16 if late else 8)
    assert second.shape[1] == 8


def test_pools_pad_all_around_or_below_and_right_only() -> None:
    image = noise(1, 32, 32, 3)
    for same, (above, below) in {False: (1, 1), True: (0, 1)}.items():
        backbone = build_resnet(replace(SMALL, pool_same=same))
        layers = [backbone.get_layer(name).output for name in ("stem_conv_relu", "stem_pool")]
        before, pooled = keras.Model(backbone.input, layers)(image)
        padded = np.pad(before, [(0, 0), (above, below), (above, below), (0, 0)])
        window = padded[:, 4:7, 6:9]  # of the pooled cell (2, 3)
        np.testing.assert_array_equal(pooled[0, 2, 3], window[0].max(axis=(0, 1)))


@pytest.mark.parametrize(
    ("style", "biases", "epsilon"),
    [("keras", True, 1.001e-5), ("torchvision", False, 1e-5), ("matterport", True, 1e-3)],
)
def test_resnet_styles(style: str, biases: bool, epsilon: float) -> None:
    for given, wanted in ((None, epsilon), (0.0, 0.0)):
        backbone = build_backbone("resnet50", style=style, epsilon=given)
        assert backbone.get_layer("block3_1_conv1").use_bias == biases
        assert backbone.get_layer("block3_1_conv1_bn").epsilon == wanted


def test_layers_have_stable_names() -> None:
    first, again = (
        [layer.name for layer in model.layers if layer.weights]
        for model in (built("efficientnet-lite0"), build_backbone("efficientnet-lite0"))
    )
    assert first == again
    assert {"stem_conv", "stem_conv_bn", "block4_2_depthwise", "block2_1_expand_bn"} <= set(first)


def test_no_layer_with_weights_is_named_by_keras() -> None:
    for backbone in (build_resnet(SMALL), built("mobilenetv2")):
        weighted = [layer.name for layer in backbone.layers if layer.weights]
        assert all(layer.startswith(("stem_conv", "block")) for layer in weighted)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "mobilenetv2"])
def test_frozen_batch_norm_stands_still_in_training(name: str) -> None:
    backbone = build_backbone(name)
    image = noise(2, 32, 32, 3) * 5 + 3
    before = [w.numpy() for layer in backbone.layers if is_batch_norm(layer) for w in layer.weights]
    training = backbone(image, training=True)
    for one, other in zip(training, backbone(image, training=False), strict=True):
        np.testing.assert_array_equal(one, other)
    after = [w.numpy() for layer in backbone.layers if is_batch_norm(layer) for w in layer.weights]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not any("_bn" in variable.path for variable in backbone.trainable_variables)


def test_batch_norm_learns_when_asked() -> None:
    backbone = build_resnet(SMALL, train_batch_norm=True)
    mean = backbone.get_layer("stem_conv_bn").moving_mean
    before = mean.numpy()
    backbone(noise(2, 32, 32, 3) * 5 + 3, training=True)
    assert np.abs(mean.numpy() - before).max() > 0
    assert any(variable.path.endswith("_bn/gamma") for variable in backbone.trainable_variables)


@pytest.mark.parametrize("bands", [1, 4, 12])
def test_bands(bands: int) -> None:
    backbone = build_backbone("mobilenetv2", bands)
    assert backbone(noise(1, 32, 32, bands))[3].shape == (1, 1, 1, 320)


def test_wrong_requests_are_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="no backbone named 'vgg': choose one of resnet50, "):
        build_backbone("vgg")
    with pytest.raises(ModelError, match="at least 1 band, not 0"):
        build_backbone("resnet50", bands=0)
