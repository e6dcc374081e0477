"""Backbones: image in, four feature maps out, at strides 4, 8, 16 and 32."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

import keras

from geomrcnn.errors import ModelError
from geomrcnn.network.backbones.efficientnet_lite import EFFICIENTNET_LITE
from geomrcnn.network.backbones.inverted_residual import build_inverted_residual
from geomrcnn.network.backbones.mobilenet_v2 import MOBILENET_V2
from geomrcnn.network.backbones.resnet import RESNETS, build_resnet

__all__ = ["BACKBONES", "Builder", "build_backbone"]


class Builder(Protocol):
    """Builds a backbone for a number of bands."""

    def __call__(self, bands: int = 3, *, train_batch_norm: bool = False) -> keras.Model:
        """Return a model from [B, H, W, bands] to [C2, C3, C4, C5]."""


BACKBONES: Mapping[str, Builder] = {
    **{name: partial(build_resnet, net) for name, net in RESNETS.items()},
    **{name: partial(build_inverted_residual, net) for name, net in EFFICIENTNET_LITE.items()},
    "mobilenetv2": partial(build_inverted_residual, MOBILENET_V2),
}


def build_backbone(name: str, bands: int = 3, *, train_batch_norm: bool = False) -> keras.Model:
    """Build the backbone `name` (a key of `BACKBONES`) with random weights.

    The model takes float32 [B, H, W, bands], already normalised, for any H and W, and returns the
    list [C2, C3, C4, C5], C_k being [B, ceil(H / 2**k), ceil(W / 2**k), channels]. Batch norms are
    frozen unless `train_batch_norm`.

    Raises:
        ModelError: if there is no such backbone, or `bands` is less than 1.
    """
    if name not in BACKBONES:
        raise ModelError(f"no backbone named '{name}': choose one of {', '.join(BACKBONES)}")
    if bands < 1:
        raise ModelError(f"a backbone needs at least 1 band, not {bands}")
    return BACKBONES[name](bands, train_batch_norm=train_batch_norm)
