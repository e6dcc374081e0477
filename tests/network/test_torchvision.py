"""The reader of torchvision's files, on state dicts of each release written here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.weights import torchvision
from geomrcnn.network.weights.torchvision import read_torchvision
from tests.oracles.torch_file import state_dict, write_legacy, write_zip

RNG = np.random.default_rng(0)
PARTS = ("weight", "bias", "running_mean", "running_var")


def array(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def norm(layer: str, channels: int) -> dict[str, np.ndarray]:
    vectors = {f"{layer}.{part}": np.abs(array(channels)) for part in PARTS}
    return {**vectors, f"{layer}.num_batches_tracked": np.array(9, np.int64)}


COMMON = {
    "backbone.body.conv1.weight": array(4, 3, 7, 7),
    **norm("backbone.body.bn1", 4),
    "backbone.body.layer1.0.conv2.weight": array(4, 4, 3, 3),
    "backbone.body.layer1.0.downsample.0.weight": array(8, 4, 1, 1),
    **norm("backbone.body.layer1.0.downsample.1", 8),
    **norm("backbone.body.layer4.2.bn3", 8),
    "backbone.body.layer3.5.conv1.weight": array(4, 8, 1, 1),
    "rpn.head.cls_logits.weight": array(3, 4, 1, 1),
    "rpn.head.bbox_pred.bias": array(12),
    "roi_heads.box_predictor.cls_score.weight": array(4, 6),
    "roi_heads.box_predictor.cls_score.bias": array(4),
    "roi_heads.box_predictor.bbox_pred.weight": array(16, 6),
    "roi_heads.box_predictor.bbox_pred.bias": array(16),
    "roi_heads.mask_predictor.conv5_mask.weight": array(4, 5, 2, 2),
    "roi_heads.mask_predictor.mask_fcn_logits.weight": array(4, 5, 1, 1),
    "roi_heads.mask_predictor.mask_fcn_logits.bias": array(4),
}
"""A network of 3 classes with a few channels a layer; most layers are left out."""
FIRST = {
    "roi_heads.box_head.fc6.weight": array(6, 4 * 49),
    "roi_heads.box_head.fc7.weight": array(6, 6),
}
OLD = {
    **COMMON,
    **FIRST,
    "backbone.fpn.inner_blocks.0.weight": array(4, 8, 1, 1),
    "backbone.fpn.layer_blocks.3.bias": array(4),
    "rpn.head.conv.weight": array(4, 4, 3, 3),
    "roi_heads.mask_head.mask_fcn1.weight": array(4, 4, 3, 3),
    "roi_heads.mask_head.mask_fcn4.bias": array(4),
}
"""As releases before 0.14 name things."""
RENAMED = {
    "backbone.fpn.inner_blocks.0.weight": "backbone.fpn.inner_blocks.0.0.weight",
    "backbone.fpn.layer_blocks.3.bias": "backbone.fpn.layer_blocks.3.0.bias",
    "rpn.head.conv.weight": "rpn.head.conv.0.0.weight",
    "roi_heads.mask_head.mask_fcn1.weight": "roi_heads.mask_head.0.0.weight",
    "roi_heads.mask_head.mask_fcn4.bias": "roi_heads.mask_head.3.0.bias",
}
NEW = {RENAMED.get(name, name): value for name, value in OLD.items()}
SECOND = {
    **COMMON,
    **norm("backbone.fpn.inner_blocks.0.1", 4),
    **norm("backbone.fpn.layer_blocks.3.1", 4),
    "rpn.head.conv.0.0.weight": array(4, 4, 3, 3),
    "rpn.head.conv.1.0.weight": array(4, 4, 3, 3),
    "roi_heads.box_head.2.0.weight": array(4, 4, 3, 3),
    **norm("roi_heads.box_head.2.1", 4),
    "roi_heads.box_head.5.weight": array(6, 4 * 49),
    "roi_heads.mask_head.3.0.weight": array(4, 4, 3, 3),
    **norm("roi_heads.mask_head.3.1", 4),
}
"""`maskrcnn_resnet50_fpn_v2`."""


def test_every_layer_finds_its_place(tmp_path: Path) -> None:
    foreign = read_torchvision(write_zip(tmp_path / "weights.pth", state_dict(NEW)))
    convolutions = {
        "stem_conv/kernel": "backbone.body.conv1.weight",
        "block2_1_conv2/kernel": "backbone.body.layer1.0.conv2.weight",
        "block2_1_shortcut/kernel": "backbone.body.layer1.0.downsample.0.weight",
        "block4_6_conv1/kernel": "backbone.body.layer3.5.conv1.weight",
        "fpn/lateral2/kernel": "backbone.fpn.inner_blocks.0.0.weight",
        "rpn/shared/kernel": "rpn.head.conv.0.0.weight",
        "rpn/logits/kernel": "rpn.head.cls_logits.weight",
        "mask_head/convolution1/kernel": "roi_heads.mask_head.0.0.weight",
    }
    for ours, theirs in convolutions.items():
        expected = np.moveaxis(NEW[theirs], (2, 3, 1, 0), (0, 1, 2, 3))
        np.testing.assert_array_equal(foreign.tensors[ours], expected, strict=True)
    vectors = {
        "stem_conv_bn/gamma": "backbone.body.bn1.weight",
        "stem_conv_bn/moving_variance": "backbone.body.bn1.running_var",
        "block2_1_shortcut_bn/beta": "backbone.body.layer1.0.downsample.1.bias",
        "block5_3_conv3_bn/moving_mean": "backbone.body.layer4.2.bn3.running_mean",
        "fpn/output5/bias": "backbone.fpn.layer_blocks.3.0.bias",
        "rpn/deltas/bias": "rpn.head.bbox_pred.bias",
        "box_head/logits/bias": "roi_heads.box_predictor.cls_score.bias",
        "mask_head/convolution4/bias": "roi_heads.mask_head.3.0.bias",
    }
    for ours, theirs in vectors.items():
        np.testing.assert_array_equal(foreign.tensors[ours], NEW[theirs], strict=True)
    assert len(foreign.tensors) == sum(not name.endswith("tracked") for name in NEW)
    assert foreign.left_over == ()
    assert foreign.preset == "torchvision"
    assert foreign.config_changes == {"classes": 3, "backbone": "resnet50"}


@pytest.mark.parametrize("write", [write_legacy, write_zip])
def test_releases_and_containers_give_the_same(
    tmp_path: Path, write: Callable[[Path, object], Path]
) -> None:
    old = read_torchvision(write(tmp_path / "old.pth", state_dict(OLD)))
    new = read_torchvision(write(tmp_path / "new.pth", {"model": state_dict(NEW)}))
    assert old.config_changes == new.config_changes
    assert set(old.tensors) == set(new.tensors)
    for name, value in old.tensors.items():
        np.testing.assert_array_equal(value, new.tensors[name])


def test_the_second_version_is_known_by_its_layers(tmp_path: Path) -> None:
    foreign = read_torchvision(write_zip(tmp_path / "weights.pth", state_dict(SECOND)))
    assert foreign.preset == "torchvision-v2"
    assert foreign.left_over == ()
    assert {
        "fpn/lateral2_norm/gamma",
        "fpn/output5_norm/moving_variance",
        "rpn/shared2/kernel",
        "box_head/convolution3/kernel",
        "box_head/convolution3_norm/beta",
        "mask_head/convolution4_norm/moving_mean",
    } <= set(foreign.tensors)
    assert foreign.tensors["box_head/hidden1/kernel"].shape == (4 * 49, 6)


def test_fully_connected_layers_give_the_same(tmp_path: Path) -> None:
    tensors = read_torchvision(write_zip(tmp_path / "weights.pth", state_dict(OLD))).tensors
    pooled = array(4, 7, 7)
    expected = OLD["roi_heads.box_head.fc6.weight"] @ pooled.reshape(-1)
    found = pooled.transpose(1, 2, 0).reshape(-1) @ tensors["box_head/hidden1/kernel"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    hidden = array(6)
    for ours, theirs, first in (("logits", "cls_score", 0), ("deltas", "bbox_pred", 4)):
        module = f"roi_heads.box_predictor.{theirs}"
        expected = (OLD[f"{module}.weight"] @ hidden + OLD[f"{module}.bias"])[first:]
        kernel, bias = (tensors[f"box_head/{ours}/{kind}"] for kind in ("kernel", "bias"))
        np.testing.assert_allclose(hidden @ kernel + bias, expected, rtol=1e-4, atol=1e-5)


def test_the_doubling_gives_the_same(tmp_path: Path) -> None:
    tensors = read_torchvision(write_zip(tmp_path / "weights.pth", state_dict(OLD))).tensors
    features = array(3, 2, 4)
    layer = keras.layers.Conv2DTranspose(5, 2, strides=2, use_bias=False)
    layer.build((None, 3, 2, 4))
    layer.kernel.assign(tensors["mask_head/doubling/kernel"])
    kernel = OLD["roi_heads.mask_predictor.conv5_mask.weight"]
    # PyTorch: output[o, 2 i + a, 2 j + b] is the sum over c of input[c, i, j] kernel[c, o, a, b].
    expected = np.einsum("ijc,coab->iajbo", features, kernel).reshape(6, 4, 5)
    np.testing.assert_allclose(layer(features[None])[0], expected, rtol=1e-4, atol=1e-5)


def test_masks_lose_the_background(tmp_path: Path) -> None:
    tensors = read_torchvision(write_zip(tmp_path / "weights.pth", state_dict(OLD))).tensors
    logits = OLD["roi_heads.mask_predictor.mask_fcn_logits.weight"][1:, :, 0, 0]
    np.testing.assert_array_equal(tensors["mask_head/logits/kernel"][0, 0], logits.T)
    assert tensors["mask_head/logits/bias"].shape == (3,)


def test_the_epsilon_of_the_published_file_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "weights.pth", state_dict(NEW))
    assert "batch_norm_epsilon" not in read_torchvision(path).config_changes
    given = read_torchvision(path, batch_norm_epsilon=1e-4)
    assert given.config_changes["batch_norm_epsilon"] == 1e-4
    checksum = torchvision.digest(path, "sha256")
    monkeypatch.setattr(torchvision, "COCO_V1_SHA256", checksum[:8])
    assert read_torchvision(path).config_changes["batch_norm_epsilon"] == 0


def test_dead_channels_give_their_beta(tmp_path: Path) -> None:
    dead = {**norm("backbone.body.bn1", 4)}
    dead["backbone.body.bn1.running_var"][1] = 5.6e-45
    tensors = read_torchvision(write_zip(tmp_path / "weights.pth", state_dict(dead))).tensors
    layer = keras.layers.BatchNormalization(epsilon=0.0)
    layer.build((None, 4))
    layer.set_weights(
        [tensors[f"stem_conv_bn/{v}"] for v in ("gamma", "beta", "moving_mean", "moving_variance")]
    )
    output = np.asarray(layer(np.zeros((1, 4), np.float32)))
    assert np.isfinite(output).all()
    assert output[0, 1] == dead["backbone.body.bn1.bias"][1]


def test_files_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    for content, message in (
        ({"conv_stem.weight": array(3, 3)}, "holds no layer of torchvision's Mask R-CNN"),
        ({"roi_heads.box_head.fc6.weight": array(6, 50)}, "is not for 7×7 features"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            read_torchvision(write_zip(path, state_dict(content)))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
