"""ResNet-50 and ResNet-101 (He et al. 2015, https://arxiv.org/abs/1512.03385), bottleneck blocks.

Implementations differ in small ways that decide whose weights fit; `ResNet` names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from geomrcnn.network.backbones.layers import batch_norm, convolution


@dataclass(frozen=True)
class ResNet:
    """The numbers of one ResNet; the defaults are those the weights of `keras.applications` fit."""

    blocks: tuple[int, int, int, int]
    """Blocks in the stages 2, 3, 4, 5."""
    epsilon: float = 1.001e-5
    """Of the batch norms: torchvision 1e-5, matterport 1e-3."""
    conv_bias: bool = True
    """False for torchvision, where batch norm alone shifts."""
    stride_in_3x3: bool = False
    """Where a stage's first block strides: in the first 1x1 or, for torchvision, in the 3x3."""
    pool_same: bool = False
    """Whether the first pool pads as TensorFlow's "same" does, below and right only (matterport),
    or by one cell all around."""


RESNETS = {"resnet50": ResNet((3, 4, 6, 3)), "resnet101": ResNet((3, 4, 23, 3))}
STYLES: dict[str, dict[str, Any]] = {
    "keras": {},
    "torchvision": {"epsilon": 1e-5, "conv_bias": False, "stride_in_3x3": True},
    "matterport": {"epsilon": 1e-3, "pool_same": True},
}
"""By the name of `MaskRCNNConfig.resnet_style`: how a ResNet differs from the default."""


def build_resnet(net: ResNet, bands: int = 3, *, train_batch_norm: bool = False) -> keras.Model:
    """Build `net` for images [B, H, W, bands]; returns a model giving [C2, C3, C4, C5].

    The outputs have 256, 512, 1024 and 2048 channels at strides 4, 8, 16 and 32.
    """
    make = _Layers(net, train_batch_norm)
    image = keras.Input((None, None, bands), name="image")
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(image)
    x = make.conv(x, 64, "stem_conv", size=7, stride=2, padding="valid")
    x = keras.layers.ReLU(name="stem_conv_relu")(x)
    if net.pool_same:
        x = keras.layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    else:
        x = keras.layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
        x = keras.layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    outputs = []
    for stage, blocks in enumerate(net.blocks, start=2):
        for block in range(blocks):
            stride = 2 if stage > 2 and block == 0 else 1
            x = _block(make, x, 2 ** (stage + 4), stride, f"block{stage}_{block + 1}")
        outputs.append(x)
    return keras.Model(image, outputs, name="backbone")


@dataclass(frozen=True)
class _Layers:
    """Convolutions with their batch norm, all with the same settings."""

    net: ResNet
    train_batch_norm: bool

    def conv(
        self,
        x: keras.KerasTensor,
        channels: int,
        name: str,
        *,
        size: int = 1,
        stride: int = 1,
        padding: str = "same",
    ) -> keras.KerasTensor:
        bias = self.net.conv_bias
        x = convolution(channels, size, name, stride=stride, bias=bias, padding=padding)(x)
        return batch_norm(f"{name}_bn", self.net.epsilon, trainable=self.train_batch_norm)(x)


def _block(
    make: _Layers, x: keras.KerasTensor, channels: int, stride: int, name: str
) -> keras.KerasTensor:
    """One bottleneck: 1x1 down to `channels`, 3x3, 1x1 up to four times as many, plus the input."""
    shortcut = x
    if x.shape[-1] != 4 * channels:
        shortcut = make.conv(x, 4 * channels, f"{name}_shortcut", stride=stride)
    late = make.net.stride_in_3x3
    x = make.conv(x, channels, f"{name}_conv1", stride=1 if late else stride)
    x = keras.layers.ReLU(name=f"{name}_conv1_relu")(x)
    if late and stride > 1:
        x = keras.layers.ZeroPadding2D(1, name=f"{name}_conv2_pad")(x)
        x = make.conv(x, channels, f"{name}_conv2", size=3, stride=stride, padding="valid")
    else:
        x = make.conv(x, channels, f"{name}_conv2", size=3)
    x = keras.layers.ReLU(name=f"{name}_conv2_relu")(x)
    x = make.conv(x, 4 * channels, f"{name}_conv3")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu")(x)
