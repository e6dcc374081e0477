"""Weights of torchvision's `maskrcnn_resnet50_fpn` and `maskrcnn_resnet50_fpn_v2`, `.pth` files.

The state dicts of every release are read: release 0.14 renamed the layers of the pyramid, the
region proposals and the masks. A ResNet-101 body is taken as well. The file published as
maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth was trained with batch norms of epsilon 0, all others with
1e-5 (torchvision calls `overwrite_eps` for that one file).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.resnet import RESNETS
from geomrcnn.network.weights.download import digest
from geomrcnn.network.weights.foreign import (
    Foreign,
    count_classes,
    which_resnet,
    without_background,
)
from geomrcnn.network.weights.torch_layout import BATCH_NORM, conv_kernel
from geomrcnn.network.weights.torch_pickle import read_torch_pickle

COCO_V1_SHA256 = "bf2d0c1e"
"""How the SHA-256 of the published file with epsilon 0 begins, as its name says."""
_POOL = 7
"""Side of the pooled features that the first fully connected layer takes."""
_COUNTER = "num_batches_tracked"


def read_torchvision(path: Path, *, batch_norm_epsilon: float | None = None) -> Foreign:
    """Read a state dict, whole or in part, of any number of classes.

    Args:
        path: The file. PyTorch's counts of batches in it are no weights and are passed over.
        batch_norm_epsilon: Of the backbone, where the file was made from one with another than
            the preset's; by default the published file with epsilon 0 is known by its checksum.

    Raises:
        ModelError: if the file cannot be read or holds no layer of that network.
    """
    layers = dict(_layers())
    tensors: dict[str, np.ndarray] = {}
    left_over: list[str] = []
    for theirs, value in read_torch_pickle(path).items():
        module, _, kind = theirs.rpartition(".")
        if kind == _COUNTER:
            continue
        if module in layers:
            name = f"{layers[module]}/{_kind(layers[module], kind)}"
            tensors[name] = _convert(name, value.astype(np.float32), path)
        else:
            left_over.append(theirs)
    if not tensors:
        raise ModelError(f"{path} holds no layer of torchvision's Mask R-CNN")
    _rest_dead_channels(tensors)
    changes = {**count_classes(tensors), **which_resnet(tensors)}
    if batch_norm_epsilon is None and digest(path, "sha256").startswith(COCO_V1_SHA256):
        batch_norm_epsilon = 0.0
    if batch_norm_epsilon is not None:
        changes["batch_norm_epsilon"] = batch_norm_epsilon
    second = "fpn/lateral2_norm/gamma" in tensors or "rpn/shared2/kernel" in tensors
    return Foreign("torchvision-v2" if second else "torchvision", changes, tensors, (*left_over,))


def _layers() -> Iterator[tuple[str, str]]:
    """Pairs of the file's and our name of every layer with weights, of all releases."""
    yield from _body()
    for index, level in enumerate(range(2, 6)):
        for theirs, ours in (("inner_blocks", "lateral"), ("layer_blocks", "output")):
            module = f"backbone.fpn.{theirs}.{index}"
            yield module, f"fpn/{ours}{level}"
            yield f"{module}.0", f"fpn/{ours}{level}"
            yield f"{module}.1", f"fpn/{ours}{level}_norm"
    yield "rpn.head.conv", "rpn/shared"
    yield "rpn.head.conv.0.0", "rpn/shared"
    yield "rpn.head.conv.1.0", "rpn/shared2"
    yield "rpn.head.cls_logits", "rpn/logits"
    yield "rpn.head.bbox_pred", "rpn/deltas"
    yield "roi_heads.box_head.fc6", "box_head/hidden1"
    yield "roi_heads.box_head.fc7", "box_head/hidden2"
    yield "roi_heads.box_head.5", "box_head/hidden1"
    yield "roi_heads.box_predictor.cls_score", "box_head/logits"
    yield "roi_heads.box_predictor.bbox_pred", "box_head/deltas"
    for index, number in enumerate(range(1, 5)):
        yield f"roi_heads.mask_head.mask_fcn{number}", f"mask_head/convolution{number}"
        for head in ("box_head", "mask_head"):
            yield f"roi_heads.{head}.{index}.0", f"{head}/convolution{number}"
            yield f"roi_heads.{head}.{index}.1", f"{head}/convolution{number}_norm"
    yield "roi_heads.mask_predictor.conv5_mask", "mask_head/doubling"
    yield "roi_heads.mask_predictor.mask_fcn_logits", "mask_head/logits"


def _body() -> Iterator[tuple[str, str]]:
    """The same of the backbone, as deep as a ResNet-101."""
    yield "backbone.body.conv1", "stem_conv"
    yield "backbone.body.bn1", "stem_conv_bn"
    for stage, blocks in enumerate(RESNETS["resnet101"].blocks, start=1):
        for block in range(blocks):
            theirs, ours = f"backbone.body.layer{stage}.{block}", f"block{stage + 1}_{block + 1}"
            for number in (1, 2, 3):
                yield f"{theirs}.conv{number}", f"{ours}_conv{number}"
                yield f"{theirs}.bn{number}", f"{ours}_conv{number}_bn"
            yield f"{theirs}.downsample.0", f"{ours}_shortcut"
            yield f"{theirs}.downsample.1", f"{ours}_shortcut_bn"


def _kind(layer: str, theirs: str) -> str:
    """Our name of a weight of our `layer`."""
    if layer.endswith(("_bn", "_norm")):
        return BATCH_NORM.get(theirs, theirs)
    return "kernel" if theirs == "weight" else theirs


def _convert(name: str, value: np.ndarray, path: Path) -> np.ndarray:
    """Turn one weight, already under our name, into ours."""
    layer, _, kind = name.rpartition("/")
    if kind == "kernel" and value.ndim == 4:  # of transposed convolutions too: both swap in and out
        value = conv_kernel(value)
    elif kind == "kernel" and value.ndim == 2:
        value = _flat_by_rows(value, path) if layer == "box_head/hidden1" else value.T
    if layer == "box_head/deltas":
        return without_background(value, 4)
    return without_background(value) if layer == "mask_head/logits" else value


def _flat_by_rows(kernel: np.ndarray, path: Path) -> np.ndarray:
    """[out, channels * rows * columns] to [rows * columns * channels, out]."""
    try:
        boxes = kernel.reshape(len(kernel), -1, _POOL, _POOL)
    except ValueError as error:
        raise ModelError(
            f"{path}: the first layer of its box head is not for {_POOL}×{_POOL} features"
        ) from error
    return conv_kernel(boxes).reshape(-1, len(kernel))


def _rest_dead_channels(tensors: dict[str, np.ndarray]) -> None:
    """Let channels that have died give their beta alone, as they do in PyTorch.

    Their variance is a number too small for float32's full precision. TensorFlow takes such
    numbers for zero and would divide by it.
    """
    for name, variance in tensors.items():
        if name.endswith("/moving_variance"):
            dead = variance < np.finfo(np.float32).tiny
            if dead.any():
                layer = name.rpartition("/")[0]
                tensors[name] = np.where(dead, np.float32(1), variance)
                tensors[f"{layer}/gamma"] = np.where(dead, np.float32(0), tensors[f"{layer}/gamma"])
