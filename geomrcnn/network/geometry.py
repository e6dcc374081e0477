"""Conventions of sampling and coding: where a pixel is, where an RoI is read, what NMS compares.

Weights are learnt under one set of conventions and are wrong under any other, so a network names
its set as a whole (`MaskRCNNConfig.geometry`) and its parts cannot be mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sampling = Literal["half-pixel", "whole-pixel", "corners"]
LevelRule = Literal["floor", "round"]


@dataclass(frozen=True)
class Geometry:
    """One set of conventions.

    Attributes:
        sampling: Where RoIAlign reads a level. "half-pixel" is exact (detectron2's "aligned");
            "whole-pixel" leaves out the shift by half a cell and takes RoIs as one cell wide at
            least (torchvision); "corners" puts the first and last sample on the corners of a box
            normalised by (side - 1), one sample a bin (matterport's crop_and_resize).
        rounded_anchors: Whether the corners of a cell's anchors are rounded to whole pixels.
        fitted_strides: Whether anchors are spread by the image's side over a level's cells,
            rounded down, rather than by the level's stride. They differ on P6 of some sizes.
        clamped_growth: Whether decoding limits how much larger than its anchor a box gets.
        level_rule: How FPN's equation 1 becomes a whole level.
        objectness: What proposals are ranked by. Probabilities saturate at 1, and of equal ones
            the first anchor wins.
        joint_proposals: Whether proposals of all levels compete in one list and one NMS, rather
            than level by level.
        proposals_in_padding: Whether proposals may reach into the padding around an image.
        smallest_proposal: Proposals with a side of no more pixels are dropped; None keeps all.
        smallest_detection: The same of detections.
        best_class_only: Whether an RoI is reported as its likeliest class only, rather than as
            every class above the threshold.
        centred: Whether an image is put in the middle of a square of zeros, rather than in the
            upper left corner of an area of mean colour.
    """

    sampling: Sampling = "half-pixel"
    rounded_anchors: bool = False
    fitted_strides: bool = False
    clamped_growth: bool = True
    level_rule: LevelRule = "floor"
    objectness: Literal["logit", "probability"] = "logit"
    joint_proposals: bool = False
    proposals_in_padding: bool = False
    smallest_proposal: float | None = 1e-3
    smallest_detection: float | None = None
    best_class_only: bool = False
    centred: bool = False

    @property
    def far_corner(self) -> float:
        """Pixels by which far corners (x2, y2) are moved in before anything is computed.

        A box normalised by (side - 1) ends on the index of its last pixel, not after it. All box
        arithmetic is the same in pixels of such boxes, as it does not depend on the scale.
        """
        return 1.0 if self.sampling == "corners" else 0.0


GEOMETRIES = {
    "aligned": Geometry(),
    "torchvision": Geometry(
        sampling="whole-pixel",
        rounded_anchors=True,
        fitted_strides=True,
        smallest_detection=1e-2,
    ),
    "matterport": Geometry(
        sampling="corners",
        clamped_growth=False,
        level_rule="round",
        objectness="probability",
        joint_proposals=True,
        proposals_in_padding=True,
        smallest_proposal=None,
        best_class_only=True,
        centred=True,
    ),
}
"""By name. "aligned" is detectron2's and the default; the others suit their makers' weights."""
