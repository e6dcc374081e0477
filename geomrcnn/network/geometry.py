"""Conventions of sampling and coding: where a pixel is, where an RoI is read, what NMS compares.

Weights are learnt under one set of conventions and are wrong under any other, so a network names
its set as a whole (`MaskRCNNConfig.geometry`) and its parts cannot be mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Geometry:
    """One set of conventions.

    Attributes:
        sampling: Where RoIAlign reads a level. "half-pixel" is exact (detectron2's "aligned");
            "whole-pixel" leaves out the shift by half a cell and takes RoIs as one cell wide at
            least (torchvision); "corners" puts the first and last sample on the corners of a box
            normalised by (side - 1), one sample a bin (matterport's crop_and_resize).
        rounded_anchors: Whether the corners of a cell's anchors are rounded to whole pixels.
        level_rule: How FPN's equation 1 becomes a whole level.
        joint_proposals: Whether proposals of all levels compete in one list and one NMS, rather
            than level by level.
        best_class_only: Whether an RoI is reported as its likeliest class only, rather than as
            every class above the threshold.
    """

    sampling: Literal["half-pixel", "whole-pixel", "corners"] = "half-pixel"
    rounded_anchors: bool = False
    level_rule: Literal["floor", "round"] = "floor"
    joint_proposals: bool = False
    best_class_only: bool = False


GEOMETRIES = {
    "aligned": Geometry(),
    "torchvision": Geometry(sampling="whole-pixel", rounded_anchors=True),
    "matterport": Geometry(
        sampling="corners", level_rule="round", joint_proposals=True, best_class_only=True
    ),
}
"""By name. "aligned" is detectron2's and the default; the others suit their makers' weights."""
