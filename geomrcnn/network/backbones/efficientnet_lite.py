"""EfficientNet-Lite 0, 1 and 2: the numbers.

One base network is made wider and deeper by two factors, as in EfficientNet (Tan and Le 2019,
https://arxiv.org/abs/1905.11946); the Lite members leave the stem, and the depth of the first and
last stage, as they are. Reference: tensorflow/tpu, models/official/efficientnet/lite.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from geomrcnn.network.backbones.inverted_residual import InvertedResidualNet, Stage

_BASE = (
    Stage(repeats=1, size=3, stride=1, expansion=1, channels=16),
    Stage(repeats=2, size=3, stride=2, expansion=6, channels=24),
    Stage(repeats=2, size=5, stride=2, expansion=6, channels=40),
    Stage(repeats=3, size=3, stride=2, expansion=6, channels=80),
    Stage(repeats=3, size=5, stride=1, expansion=6, channels=112),
    Stage(repeats=4, size=5, stride=2, expansion=6, channels=192),
    Stage(repeats=1, size=3, stride=1, expansion=6, channels=320),
)


def _scaled(width: float, depth: float) -> InvertedResidualNet:
    first, *middle, last = (
        replace(stage, channels=_round_channels(stage.channels * width)) for stage in _BASE
    )
    deeper = (replace(stage, repeats=ceil(stage.repeats * depth)) for stage in middle)
    return InvertedResidualNet((first, *deeper, last))


def _round_channels(channels: float) -> int:
    """Round to a multiple of 8, never losing more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


EFFICIENTNET_LITE = {
    "efficientnet-lite0": _scaled(width=1.0, depth=1.0),
    "efficientnet-lite1": _scaled(width=1.0, depth=1.1),
    "efficientnet-lite2": _scaled(width=1.1, depth=1.2),
}
