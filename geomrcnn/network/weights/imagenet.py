"""ImageNet weights for the backbones, and the scaling of pixels they were learnt with."""

from __future__ import annotations

import keras

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.efficientnet_lite import EFFICIENTNET_LITE
from geomrcnn.network.backbones.resnet import RESNETS
from geomrcnn.network.weights.assign import Report, load_weights
from geomrcnn.network.weights.efficientnet_lite import read_efficientnet_lite
from geomrcnn.network.weights.keras_applications import read_keras_application

RGB = tuple[float, float, float]

# ResNets subtract Caffe's mean, listed there as BGR; the others map 0..255 to about -1..1.
_SCALING: dict[str, tuple[RGB, RGB]] = {
    **dict.fromkeys(EFFICIENTNET_LITE, ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0))),
    **dict.fromkeys(RESNETS, ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0))),
    "mobilenetv2": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
}


def load_imagenet(backbone: keras.Model, name: str) -> Report:
    """Give `backbone`, built by `build_backbone(name, ...)`, weights learnt on ImageNet.

    The stem takes bands in the order R, G, B, ...; for other than three bands it is made to fit
    by `inflate_stem`. The input is expected scaled by `imagenet_scaling(name)`.

    Raises:
        ModelError: if there is no such name, the file cannot be had, or it does not fit.
        MissingExtraError: if the package with the weights is not installed.
    """
    _check(name)
    read = read_efficientnet_lite if name in EFFICIENTNET_LITE else read_keras_application
    tensors, left_over = read(name)
    return load_weights(backbone, tensors, f"ImageNet weights of {name}", left_over)


def imagenet_scaling(name: str) -> tuple[RGB, RGB]:
    """Return mean and std, for R, G, B on the scale 0 to 255: the input is (pixel - mean) / std.

    Raises:
        ModelError: if there is no backbone of that name.
    """
    _check(name)
    return _SCALING[name]


def _check(name: str) -> None:
    if name not in _SCALING:
        raise ModelError(f"no ImageNet weights for '{name}': choose one of {', '.join(_SCALING)}")
