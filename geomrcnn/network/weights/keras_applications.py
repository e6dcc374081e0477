"""ImageNet weights of ResNet and MobileNetV2, from the files of `keras.applications`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.inverted_residual import block_names
from geomrcnn.network.backbones.mobilenet_v2 import MOBILENET_V2
from geomrcnn.network.backbones.resnet import RESNETS, ResNet
from geomrcnn.network.weights.assign import variables
from geomrcnn.network.weights.download import Release, fetch


class Application(NamedTuple):
    """A class of `keras.applications`, and the published file it fits."""

    name: str
    release: Release


_STORE = "https://storage.googleapis.com/tensorflow/keras-applications"
APPLICATIONS = {
    "resnet50": Application(
        "ResNet50",
        Release(
            f"{_STORE}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "md5:4d473c1dd8becc155b73f8504c6f6626",
        ),
    ),
    "resnet101": Application(
        "ResNet101",
        Release(
            f"{_STORE}/resnet/resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "md5:88cf7a10940856eca736dc7b7e228a21",
        ),
    ),
    "mobilenetv2": Application(
        "MobileNetV2",
        Release(
            f"{_STORE}/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            None,
        ),
    ),
}
"""Checksums are those Keras checks; it states none for MobileNetV2."""


def read_keras_application(name: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read the ImageNet weights of `name`, a key of `APPLICATIONS`, downloading them if need be.

    Returns:
        As `rename`.

    Raises:
        ModelError: if the file cannot be downloaded or read.
    """
    application, release = APPLICATIONS[name]
    path = fetch(release)
    try:
        model = getattr(keras.applications, application)(weights=None, include_top=False)
        model.load_weights(path)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged: delete it, it will be downloaded again") from error
    return rename(model, name)


def rename(model: keras.Model, name: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Take the weights out of `model`, built by `keras.applications` without its top.

    Returns:
        The backbone's tensors under our names ("stem_conv/kernel"), and the model's names of
        those that are none of it. ResNets were learnt on BGR; the kernel returned is for RGB.
    """
    layers = dict(_resnet_layers(RESNETS[name]) if name in RESNETS else _mobilenet_layers())
    ours, left_over = {}, []
    for theirs, variable in variables(model):
        layer, _, kind = theirs.partition("/")
        if layer in layers:
            ours[f"{layers[layer]}/{kind}"] = variable.numpy()
        else:
            left_over.append(theirs)
    if name in RESNETS:
        ours["stem_conv/kernel"] = ours["stem_conv/kernel"][:, :, ::-1]
    return ours, tuple(left_over)


def _resnet_layers(net: ResNet) -> Iterator[tuple[str, str]]:
    """Pairs of Keras' and our name of every layer with weights."""
    yield "conv1_conv", "stem_conv"
    yield "conv1_bn", "stem_conv_bn"
    for stage, blocks in enumerate(net.blocks, start=2):
        for block in range(1, blocks + 1):
            for index, ours in enumerate(("shortcut", "conv1", "conv2", "conv3")):
                theirs = f"conv{stage}_block{block}_{index}"
                yield f"{theirs}_conv", f"block{stage}_{block}_{ours}"
                yield f"{theirs}_bn", f"block{stage}_{block}_{ours}_bn"


def _mobilenet_layers() -> Iterator[tuple[str, str]]:
    """Pairs of Keras' and our name of every layer with weights."""
    yield "Conv1", "stem_conv"
    yield "bn_Conv1", "stem_conv_bn"
    for index, block in enumerate(block_names(MOBILENET_V2)):
        theirs = f"block_{index}" if index > 0 else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            yield f"{theirs}_{part}", f"{block}_{part}"
            yield f"{theirs}_{part}_BN", f"{block}_{part}_bn"
