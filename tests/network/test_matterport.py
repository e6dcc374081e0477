"""The reader of matterport's files, on files of that layout written here."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.weights.matterport import read_matterport
from tests.oracles.matterport_file import write_matterport

RNG = np.random.default_rng(0)


def array(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


SMALL = {
    "conv1/kernel": array(7, 7, 3, 4),
    "conv1/bias": array(4),
    "bn_conv1/gamma": array(4),
    "bn_conv1/moving_variance": array(4),
    "res2a_branch2a/kernel": array(1, 1, 4, 2),
    "res2a_branch1/kernel": array(1, 1, 4, 8),
    "bn5c_branch2c/beta": array(8),
    "res4f_branch2a/kernel": array(1, 1, 4, 2),
    "fpn_c5p5/kernel": array(1, 1, 8, 4),
    "fpn_p2/bias": array(4),
    "rpn_conv_shared/kernel": array(3, 3, 4, 6),
    "rpn_class_raw/kernel": array(1, 1, 6, 6),
    "rpn_class_raw/bias": array(6),
    "rpn_bbox_pred/kernel": array(1, 1, 6, 12),
    "rpn_bbox_pred/bias": array(12),
    "mrcnn_class_conv1/kernel": array(7, 7, 4, 5),
    "mrcnn_class_bn1/beta": array(5),
    "mrcnn_class_conv2/kernel": array(1, 1, 5, 5),
    "mrcnn_class_logits/kernel": array(5, 4),
    "mrcnn_class_logits/bias": array(4),
    "mrcnn_bbox_fc/kernel": array(5, 16),
    "mrcnn_bbox_fc/bias": array(16),
    "mrcnn_mask_conv4/kernel": array(3, 3, 4, 4),
    "mrcnn_mask_bn4/moving_mean": array(4),
    "mrcnn_mask_deconv/kernel": array(2, 2, 4, 4),
    "mrcnn_mask/kernel": array(1, 1, 4, 4),
    "mrcnn_mask/bias": array(4),
}
"""A network of 3 classes with a few channels a layer; most layers are left out."""


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def test_every_layer_finds_its_place(tmp_path: Path) -> None:
    foreign = read_matterport(write_matterport(tmp_path / "weights.h5", SMALL))
    same = {
        "stem_conv/kernel": "conv1/kernel",
        "stem_conv/bias": "conv1/bias",
        "stem_conv_bn/gamma": "bn_conv1/gamma",
        "stem_conv_bn/moving_variance": "bn_conv1/moving_variance",
        "block2_1_conv1/kernel": "res2a_branch2a/kernel",
        "block2_1_shortcut/kernel": "res2a_branch1/kernel",
        "block5_3_conv3_bn/beta": "bn5c_branch2c/beta",
        "block4_6_conv1/kernel": "res4f_branch2a/kernel",
        "fpn/lateral5/kernel": "fpn_c5p5/kernel",
        "fpn/output2/bias": "fpn_p2/bias",
        "rpn/shared/kernel": "rpn_conv_shared/kernel",
        "box_head/hidden1_norm/beta": "mrcnn_class_bn1/beta",
        "box_head/logits/kernel": "mrcnn_class_logits/kernel",
        "box_head/logits/bias": "mrcnn_class_logits/bias",
        "mask_head/convolution4/kernel": "mrcnn_mask_conv4/kernel",
        "mask_head/convolution4_norm/moving_mean": "mrcnn_mask_bn4/moving_mean",
        "mask_head/doubling/kernel": "mrcnn_mask_deconv/kernel",
    }
    for ours, theirs in same.items():
        np.testing.assert_array_equal(foreign.tensors[ours], SMALL[theirs], strict=True)
    assert len(foreign.tensors) == len(SMALL)
    assert foreign.left_over == ()
    assert foreign.preset == "matterport"
    assert foreign.config_changes == {"classes": 3, "backbone": "resnet50"}


def test_one_logit_gives_the_softmax_of_their_two(tmp_path: Path) -> None:
    tensors = read_matterport(write_matterport(tmp_path / "weights.h5", SMALL)).tensors
    features = array(10, 6)
    two = features @ SMALL["rpn_class_raw/kernel"][0, 0] + SMALL["rpn_class_raw/bias"]
    one = features @ tensors["rpn/logits/kernel"][0, 0] + tensors["rpn/logits/bias"]
    foreground = softmax(two.reshape(10, 3, 2))[..., 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-one)), foreground, rtol=1e-5)


def test_deltas_are_turned_and_lose_the_background(tmp_path: Path) -> None:
    tensors = read_matterport(write_matterport(tmp_path / "weights.h5", SMALL)).tensors
    for layer, theirs, features, first in (
        ("rpn/deltas", "rpn_bbox_pred", array(10, 6), 0),
        ("box_head/deltas", "mrcnn_bbox_fc", array(10, 5), 1),
    ):
        kernel, bias = SMALL[f"{theirs}/kernel"], SMALL[f"{theirs}/bias"]
        y, x, h, w = np.moveaxis(
            (features @ kernel.reshape(features.shape[1], -1) + bias).reshape(10, -1, 4), -1, 0
        )
        expected = np.stack([x, y, w, h], axis=-1)[:, first:]
        ours = tensors[f"{layer}/kernel"].reshape(features.shape[1], -1)
        found = (features @ ours + tensors[f"{layer}/bias"]).reshape(10, -1, 4)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_masks_lose_the_background(tmp_path: Path) -> None:
    tensors = read_matterport(write_matterport(tmp_path / "weights.h5", SMALL)).tensors
    np.testing.assert_array_equal(
        tensors["mask_head/logits/kernel"], SMALL["mrcnn_mask/kernel"][..., 1:]
    )
    np.testing.assert_array_equal(tensors["mask_head/logits/bias"], SMALL["mrcnn_mask/bias"][1:])


def test_a_convolution_of_all_of_an_roi_is_a_product(tmp_path: Path) -> None:
    tensors = read_matterport(write_matterport(tmp_path / "weights.h5", SMALL)).tensors
    pooled = array(7, 7, 4)
    expected = np.einsum("hwc,hwco->o", pooled, SMALL["mrcnn_class_conv1/kernel"])
    found = pooled.reshape(-1) @ tensors["box_head/hidden1/kernel"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_array_equal(
        tensors["box_head/hidden2/kernel"], SMALL["mrcnn_class_conv2/kernel"][0, 0]
    )


@pytest.mark.parametrize(
    "layout",
    [
        {"group": "model_weights"},
        {"suffix": ""},
        {"wrapper": "conv2d_17"},
        {"group": "model_weights", "suffix": "", "wrapper": "time_distributed"},
    ],
)
def test_every_layout_gives_the_same(tmp_path: Path, layout: dict[str, str]) -> None:
    plain = read_matterport(write_matterport(tmp_path / "plain.h5", SMALL))
    other = write_matterport(tmp_path / "other.h5", SMALL, **layout)
    if "group" in layout:
        with h5py.File(other, "a") as file:
            file["optimizer_weights/SGD/conv1/kernel/momentum:0"] = array(3)
    read = read_matterport(other)
    assert read.config_changes == plain.config_changes
    assert read.left_over == ()
    assert set(read.tensors) == set(plain.tensors)
    for name, value in plain.tensors.items():
        np.testing.assert_array_equal(read.tensors[name], value)


def test_a_deeper_network_and_strange_layers_are_told(tmp_path: Path) -> None:
    weights = {
        **SMALL,
        "res4w_branch2a/kernel": array(1, 1, 4, 2),
        "my_head/kernel": array(2, 2),
    }
    foreign = read_matterport(write_matterport(tmp_path / "weights.h5", weights))
    assert foreign.config_changes["backbone"] == "resnet101"
    assert foreign.left_over == ("my_head/my_head/kernel:0",)
    assert "block4_23_conv1/kernel" in foreign.tensors


def test_a_stem_for_five_bands_is_told(tmp_path: Path) -> None:
    weights = {"conv1/kernel": array(7, 7, 5, 4)}
    config = read_matterport(write_matterport(tmp_path / "weights.h5", weights)).config()
    rgb = MaskRCNNConfig.preset("matterport").pixel_mean
    assert config.bands == 5
    assert config.pixel_mean[:3] == rgb
    assert config.pixel_mean[3:] == pytest.approx([sum(rgb) / 3] * 2)


def test_the_real_file_of_matterport_in_part(shared: Path) -> None:
    path = shared / "fixtures/mask_rcnn_coco_partial.h5"
    foreign = read_matterport(path)
    assert foreign.config_changes == {}
    assert foreign.left_over == ()
    assert len(foreign.tensors) == 114
    assert len({name.rpartition("/")[0] for name in foreign.tensors}) == 38
    with h5py.File(path) as file:
        for ours, theirs in {
            "stem_conv/kernel": "conv1/conv1/kernel:0",
            "block3_1_shortcut_bn/moving_mean": "bn3a_branch1/bn3a_branch1/moving_mean:0",
        }.items():
            np.testing.assert_array_equal(foreign.tensors[ours], file[theirs])


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    good = write_matterport(path, SMALL).read_bytes()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["measurements/temperature"] = array(3)
        file["conv1/names"] = ["no", "numbers"]
    odd = write_matterport(tmp_path / "odd.h5", {"mrcnn_bbox_fc/kernel": array(5, 7)})
    none = "is not a Keras HDF5 file of weights, or is damaged"
    for data, message in (
        (b"some text", none),
        (b"", none),
        (good[:-1000], none),
        (good[: len(good) // 2], none),
        ((tmp_path / "other.h5").read_bytes(), "holds no layer of matterport's Mask R-CNN"),
        (odd.read_bytes(), r"the weight for box_head/deltas/kernel has the shape \(5, 7\)"),
    ):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=message) as caught:
            read_matterport(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"cannot read .*absent\.h5: No such file"):
        read_matterport(tmp_path / "absent.h5")
