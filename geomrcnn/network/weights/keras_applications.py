"""ImageNet weights of ResNet and MobileNetV2, from the files that `keras.applications` publishes.

Keras downloads a file once and keeps it in its cache, ~/.keras/models or $KERAS_HOME/models.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.inverted_residual import block_names
from geomrcnn.network.backbones.mobilenet_v2 import MOBILENET_V2
from geomrcnn.network.backbones.resnet import RESNETS, ResNet
from geomrcnn.network.weights.assign import variables


class Release(NamedTuple):
    """One published file: the class of `keras.applications` it fits, and where it is."""

    application: str
    folder: str
    file: str
    md5: str | None


_STORE = "https://storage.googleapis.com/tensorflow/keras-applications"
RELEASES = {
    "resnet50": Release(
        "ResNet50",
        f"{_STORE}/resnet",
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "resnet101": Release(
        "ResNet101",
        f"{_STORE}/resnet",
        "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "88cf7a10940856eca736dc7b7e228a21",
    ),
    "mobilenetv2": Release(
        "MobileNetV2",
        f"{_STORE}/mobilenet_v2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
    ),
}


def read_keras_application(name: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read the ImageNet weights of `name`, a key of `RELEASES`, downloading them if need be.

    Returns:
        As `rename`.

    Raises:
        ModelError: if the file cannot be downloaded or read.
    """
    release = RELEASES[name]
    path = _fetch(release)
    application = getattr(keras.applications, release.application)
    try:
        model = application(weights=None, include_top=False)
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


def _fetch(release: Release) -> Path:
    """Return the path of the file, downloaded into Keras' cache if it is not there yet."""
    cache = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    url = f"{release.folder}/{release.file}"
    try:
        return Path(
            keras.utils.get_file(
                release.file,
                url,
                file_hash=release.md5,
                cache_dir=str(cache),
                cache_subdir="models",
            )
        )
    except Exception as error:  # Keras raises the bare Exception when offline
        place = cache / "models" / release.file
        raise ModelError(f"cannot download ImageNet weights: save {url} as {place}") from error


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
