"""Weights of matterport's Mask R-CNN (https://github.com/matterport/Mask_RCNN), `.h5` files.

Its anchors are ordered by width / height, ours by height / width: the preset "matterport" lists
the ratios turned over, in the file's order, so that no channel has to move.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.resnet import RESNETS
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.weights.download import Release
from geomrcnn.network.weights.foreign import (
    Foreign,
    count_classes,
    which_resnet,
    without_background,
)
from geomrcnn.network.weights.keras_hdf5 import read_keras_hdf5
from geomrcnn.network.weights.stem import spread

COCO = Release(
    "https://github.com/matterport/Mask_RCNN/releases/download/v2.0/mask_rcnn_coco.h5",
    "md5:e98aaff6f99e307b5e2a8a3ff741a518",
)
"""Learnt on COCO. The checksum is the one NVIDIA's TensorRT sample sampleUffMaskRCNN states."""


def read_matterport(path: Path) -> Foreign:
    """Read a file of that project, whole or in part, of any number of classes.

    Raises:
        ModelError: if the file cannot be read or holds no layer of that network.
    """
    layers = dict(_layers())
    weights = read_keras_hdf5(path, layers)
    if not weights.tensors:
        raise ModelError(f"{path} holds no layer of matterport's Mask R-CNN")
    tensors = {name: _convert(name, value, path) for name, value in weights.tensors.items()}
    changes = {**count_classes(tensors), **which_resnet(tensors), **_bands(tensors)}
    return Foreign("matterport", changes, tensors, weights.left_over)


def _layers() -> Iterator[tuple[str, str]]:
    """Pairs of the file's and our name of every layer with weights, of the deepest network."""
    yield "conv1", "stem_conv"
    yield "bn_conv1", "stem_conv_bn"
    branches = {"2a": "conv1", "2b": "conv2", "2c": "conv3", "1": "shortcut"}
    for stage, blocks in enumerate(RESNETS["resnet101"].blocks, start=2):
        for number, letter in enumerate(ascii_lowercase[:blocks], start=1):
            for branch, ours in branches.items():
                yield f"res{stage}{letter}_branch{branch}", f"block{stage}_{number}_{ours}"
                yield f"bn{stage}{letter}_branch{branch}", f"block{stage}_{number}_{ours}_bn"
    for level in range(2, 6):
        yield f"fpn_c{level}p{level}", f"fpn/lateral{level}"
        yield f"fpn_p{level}", f"fpn/output{level}"
    yield "rpn_conv_shared", "rpn/shared"
    yield "rpn_class_raw", "rpn/logits"
    yield "rpn_bbox_pred", "rpn/deltas"
    for number in (1, 2):
        yield f"mrcnn_class_conv{number}", f"box_head/hidden{number}"
        yield f"mrcnn_class_bn{number}", f"box_head/hidden{number}_norm"
    yield "mrcnn_class_logits", "box_head/logits"
    yield "mrcnn_bbox_fc", "box_head/deltas"
    for number in range(1, 5):
        yield f"mrcnn_mask_conv{number}", f"mask_head/convolution{number}"
        yield f"mrcnn_mask_bn{number}", f"mask_head/convolution{number}_norm"
    yield "mrcnn_mask_deconv", "mask_head/doubling"
    yield "mrcnn_mask", "mask_head/logits"


def _convert(name: str, value: np.ndarray, path: Path) -> np.ndarray:
    """Turn one weight, already under our name, into ours."""
    layer = name.rpartition("/")[0]
    try:
        if layer == "rpn/logits":
            return _objectness(value)
        if layer == "rpn/deltas":
            return _deltas(value)
        if layer == "box_head/deltas":
            return without_background(_deltas(value), 4)
        if layer == "mask_head/logits":
            return without_background(value)
        if (
            layer.startswith("box_head/hidden") and value.ndim == 4
        ):  # a convolution of all of an RoI
            return value.reshape(-1, value.shape[-1])
    except (ValueError, IndexError) as error:
        raise ModelError(f"{path}: the weight for {name} has the shape {value.shape}") from error
    return value


def _objectness(value: np.ndarray) -> np.ndarray:
    """(background, foreground) of each anchor, for a softmax, to one logit, for a sigmoid."""
    logits: np.ndarray = value[..., 1::2] - value[..., 0::2]
    return logits


def _deltas(value: np.ndarray) -> np.ndarray:
    """(dy, dx, dh, dw) of each box to (dx, dy, dw, dh), along the last axis."""
    boxes: np.ndarray = value.reshape(*value.shape[:-1], -1, 4)[..., [1, 0, 3, 2]]
    deltas: np.ndarray = boxes.reshape(value.shape)
    return deltas


def _bands(tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """What a stem for other than three bands changes; the file does not say their mean."""
    stem = tensors.get("stem_conv/kernel")
    if stem is None or stem.ndim != 4 or stem.shape[2] == 3:
        return {}
    bands, rgb = stem.shape[2], MaskRCNNConfig.preset("matterport")
    mean, std = spread(rgb.pixel_mean, bands), spread(rgb.pixel_std, bands)
    return {"bands": bands, "pixel_mean": mean, "pixel_std": std}
