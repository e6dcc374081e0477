"""The backbones made of inverted residual blocks: EfficientNet-Lite and MobileNetV2.

A block widens its input with a 1x1 convolution, filters every channel by itself (depthwise), and
narrows the result with another 1x1 convolution, without activation. Sandler et al. 2018,
https://arxiv.org/abs/1801.04381. Both families use ReLU6, TensorFlow's "same" padding, no bias
and no squeeze-excite, which is why they survive 8-bit quantisation well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import keras

from geomrcnn.network.backbones.layers import batch_norm, convolution


@dataclass(frozen=True)
class Stage:
    """Blocks of one width in a row; only the first of them strides."""

    repeats: int
    size: int
    """Side of the depthwise kernel."""
    stride: int
    expansion: int
    """How many times wider a block is inside than its input."""
    channels: int


@dataclass(frozen=True)
class InvertedResidualNet:
    """The numbers of one network of inverted residual blocks."""

    stages: tuple[Stage, ...]
    stem_channels: int = 32
    epsilon: float = 1e-3


def build_inverted_residual(
    net: InvertedResidualNet, bands: int = 3, *, train_batch_norm: bool = False
) -> keras.Model:
    """Build `net` for images [B, H, W, bands]; returns a model giving [C2, C3, C4, C5].

    Each C is the output of the last block at stride 4, 8, 16 or 32: the narrow, linear end of the
    block. The wide layer after it (`..._expand`), which some detectors take, is computed from this
    one alone, so the pyramid's 1x1 convolution sees all there is at a sixth of the cost.
    """
    image = keras.Input((None, None, bands), name="image")
    make = _Layers(net.epsilon, train_batch_norm)
    x = make.conv(image, net.stem_channels, "stem_conv", size=3, stride=2)
    outputs, stride = [], 2
    for number, stage in enumerate(net.stages, start=1):
        if stage.stride > 1 and stride >= 4:
            outputs.append(x)
        stride *= stage.stride
        for repeat in range(stage.repeats):
            name = f"block{number}_{repeat + 1}"
            x = _block(make, x, stage, stage.stride if repeat == 0 else 1, name)
    return keras.Model(image, [*outputs, x], name="backbone")


def block_names(net: InvertedResidualNet) -> Iterator[str]:
    """Names of the blocks of `net` from stem to top: "block1_1", "block2_1", "block2_2", ..."""
    for number, stage in enumerate(net.stages, start=1):
        for repeat in range(stage.repeats):
            yield f"block{number}_{repeat + 1}"


@dataclass(frozen=True)
class _Layers:
    """Convolutions with their batch norm, all with the same settings."""

    epsilon: float
    train_batch_norm: bool

    def conv(
        self,
        x: keras.KerasTensor,
        channels: int,
        name: str,
        *,
        size: int = 1,
        stride: int = 1,
        linear: bool = False,
    ) -> keras.KerasTensor:
        x = convolution(channels, size, name, stride=stride)(x)
        return self._finish(x, name, linear=linear)

    def depthwise(
        self, x: keras.KerasTensor, name: str, *, size: int, stride: int
    ) -> keras.KerasTensor:
        x = keras.layers.DepthwiseConv2D(
            size,
            strides=stride,
            padding="same",
            use_bias=False,
            depthwise_initializer="he_normal",
            name=name,
        )(x)
        return self._finish(x, name, linear=False)

    def _finish(self, x: keras.KerasTensor, name: str, *, linear: bool) -> keras.KerasTensor:
        x = batch_norm(f"{name}_bn", self.epsilon, trainable=self.train_batch_norm)(x)
        return x if linear else keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x)


def _block(
    make: _Layers, x: keras.KerasTensor, stage: Stage, stride: int, name: str
) -> keras.KerasTensor:
    """One inverted residual block; with a shortcut where input and output have one shape."""
    shortcut = x
    channels = x.shape[-1]
    if stage.expansion > 1:
        x = make.conv(x, channels * stage.expansion, f"{name}_expand")
    x = make.depthwise(x, f"{name}_depthwise", size=stage.size, stride=stride)
    x = make.conv(x, stage.channels, f"{name}_project", linear=True)
    if stride == 1 and channels == stage.channels:
        x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return x
