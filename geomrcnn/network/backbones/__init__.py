"""Backbones: image in, four feature maps out, at strides 4, 8, 16 and 32."""

from __future__ import annotations

from dataclasses import replace

import keras

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.efficientnet_lite import EFFICIENTNET_LITE
from geomrcnn.network.backbones.inverted_residual import build_inverted_residual
from geomrcnn.network.backbones.mobilenet_v2 import MOBILENET_V2
from geomrcnn.network.backbones.resnet import RESNETS, STYLES, build_resnet

__all__ = ["BACKBONES", "build_backbone"]

_INVERTED_RESIDUAL = {**EFFICIENTNET_LITE, "mobilenetv2": MOBILENET_V2}
BACKBONES = (*RESNETS, *_INVERTED_RESIDUAL)
"""The names."""


def build_backbone(
    name: str,
    bands: int = 3,
    *,
    style: str = "keras",
    epsilon: float | None = None,
    train_batch_norm: bool = False,
) -> keras.Model:
    """Build the backbone `name`, one of `BACKBONES`, with random weights.

    The model takes float32 [B, H, W, bands], already normalised, for any H and W, and returns the
    list [C2, C3, C4, C5], C_k being [B, ceil(H / 2**k), ceil(W / 2**k), channels]. Batch norms are
    frozen unless `train_batch_norm`.

    Args:
        name: Which.
        bands: Of the images.
        style: Whose ResNet, a key of `STYLES`; the others come in one style.
        epsilon: Of the batch norms; None is that of the style.
        train_batch_norm: Whether batch norms learn.

    Raises:
        ModelError: if there is no such backbone, or `bands` is less than 1.
    """
    if name not in BACKBONES:
        raise ModelError(f"no backbone named '{name}': choose one of {', '.join(BACKBONES)}")
    if bands < 1:
        raise ModelError(f"a backbone needs at least 1 band, not {bands}")
    if name in RESNETS:
        resnet = replace(RESNETS[name], **STYLES[style])
        resnet = resnet if epsilon is None else replace(resnet, epsilon=epsilon)
        return build_resnet(resnet, bands, train_batch_norm=train_batch_norm)
    net = _INVERTED_RESIDUAL[name]
    net = net if epsilon is None else replace(net, epsilon=epsilon)
    return build_inverted_residual(net, bands, train_batch_norm=train_batch_norm)
