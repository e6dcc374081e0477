"""MobileNetV2 at width 1.0: the numbers. Table 2 of https://arxiv.org/abs/1801.04381."""

from __future__ import annotations

from geomrcnn.network.backbones.inverted_residual import InvertedResidualNet, Stage

MOBILENET_V2 = InvertedResidualNet(
    (
        Stage(repeats=1, size=3, stride=1, expansion=1, channels=16),
        Stage(repeats=2, size=3, stride=2, expansion=6, channels=24),
        Stage(repeats=3, size=3, stride=2, expansion=6, channels=32),
        Stage(repeats=4, size=3, stride=2, expansion=6, channels=64),
        Stage(repeats=3, size=3, stride=1, expansion=6, channels=96),
        Stage(repeats=3, size=3, stride=2, expansion=6, channels=160),
        Stage(repeats=1, size=3, stride=1, expansion=6, channels=320),
    )
)
