"""Files as matterport's Mask R-CNN saves them: HDF5 in the layout of Keras 2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

RPN = ("rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred")


def write_matterport(
    path: Path,
    weights: Mapping[str, np.ndarray],
    *,
    group: str | None = None,
    suffix: str = ":0",
    wrapper: str = "",
) -> Path:
    """Write weights by names such as "conv1/kernel".

    Args:
        path: The file to write.
        weights: Arrays by "<layer>/<weight>".
        group: The group they all go in, as "model_weights" in files of `Model.save`.
        suffix: At the end of each weight's name.
        wrapper: A group inside a head's layer, as wrappers put one there.
    """
    with h5py.File(path, "w") as file:
        root = file.create_group(group) if group else file
        root.attrs["backend"] = "tensorflow"
        root.attrs["keras_version"] = "2.0.8"
        layers: dict[str, list[str]] = {}
        for name, value in weights.items():
            layer, kind = name.split("/")
            outer = "rpn_model" if layer in RPN else layer
            inner = f"{layer}/{wrapper}" if wrapper and layer.startswith("mrcnn") else layer
            inner = f"{inner}/{kind}{suffix}".replace("//", "/")
            layers.setdefault(outer, []).append(inner)
            root[f"{outer}/{inner}"] = value
        root.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, names in layers.items():
            root[layer].attrs["weight_names"] = [name.encode() for name in names]
    return path


def as_matterport(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our weights of a ResNet, by that project's names and in its conventions.

    The background, which we have no boxes and masks for, gets zeros.
    """
    theirs = {}
    for name, value in weights.items():
        layer, _, kind = name.rpartition("/")
        if layer in ("rpn/deltas", "box_head/deltas"):
            value = value.reshape(*value.shape[:-1], -1, 4)[..., [1, 0, 3, 2]]
            if layer == "box_head/deltas":
                value = np.concatenate([np.zeros_like(value[..., :1, :]), value], axis=-2)
            value = value.reshape(*value.shape[:-2], -1)
        elif layer == "rpn/logits":
            value = np.stack([-value / 2, value / 2], axis=-1).reshape(*value.shape[:-1], -1)
        elif layer == "mask_head/logits":
            value = np.concatenate([np.zeros_like(value[..., :1]), value], axis=-1)
        elif name == "box_head/hidden1/kernel":
            value = value.reshape(7, 7, -1, value.shape[-1])
        elif name == "box_head/hidden2/kernel":
            value = value[None, None]
        theirs[f"{_their_layer(layer)}/{kind}"] = value
    return theirs


def _their_layer(layer: str) -> str:
    fixed = {
        "stem_conv": "conv1",
        "stem_conv_bn": "bn_conv1",
        "rpn/shared": "rpn_conv_shared",
        "rpn/logits": "rpn_class_raw",
        "rpn/deltas": "rpn_bbox_pred",
        "box_head/logits": "mrcnn_class_logits",
        "box_head/deltas": "mrcnn_bbox_fc",
        "mask_head/doubling": "mrcnn_mask_deconv",
        "mask_head/logits": "mrcnn_mask",
    }
    if layer in fixed:
        return fixed[layer]
    if block := re.fullmatch(r"block(\d)_(\d+)_(\w+?)(_bn)?", layer):
        stage, number, part, norm = block.groups()
        branch = {"conv1": "2a", "conv2": "2b", "conv3": "2c", "shortcut": "1"}[part]
        letter = "abcdefghijklmnopqrstuvw"[int(number) - 1]
        return f"{'bn' if norm else 'res'}{stage}{letter}_branch{branch}"
    if pyramid := re.fullmatch(r"fpn/(lateral|output)(\d)", layer):
        kind, level = pyramid.groups()
        return f"fpn_c{level}p{level}" if kind == "lateral" else f"fpn_p{level}"
    head, number, norm = re.fullmatch(  # type: ignore[union-attr]
        r"(box_head/hidden|mask_head/convolution)(\d)(_norm)?", layer
    ).groups()
    kind = "class" if head.startswith("box") else "mask"
    return f"mrcnn_{kind}_{'bn' if norm else 'conv'}{number}"
