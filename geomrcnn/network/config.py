"""Every number of the network and of its training targets, in one frozen value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from geomrcnn.errors import ModelError

BACKBONE_NAMES = (
    "resnet50",
    "resnet101",
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "mobilenetv2",
)
STRIDES = (4, 8, 16, 32, 64)
"""Pixels of the image per cell of P2..P6; fixed by the backbones and the pyramid."""
SIZE_DIVISOR = 32
"""Height and width of the images must be multiples of this."""


@dataclass(frozen=True)
class MaskRCNNConfig:
    """The recipe of one network.

    Defaults are those of a detectron2 Mask R-CNN R50-FPN (MODEL_ZOO "1x"). Lengths are pixels of
    the image at the model's GSD. Fields that begin with `train_` matter in training only.
    """

    # What goes in and comes out
    classes: int = 1
    """Number of classes, background not counted."""
    bands: int = 3
    pixel_mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    pixel_std: tuple[float, ...] = (58.395, 57.12, 57.375)

    # Trunk
    backbone: str = "resnet50"
    train_batch_norm: bool = False
    """False freezes batch norm at its stored statistics: right for batches below about 8."""
    train_stem: bool = False
    """False keeps the layers up to C2 as initialised, as detectron2 does (FREEZE_AT 2)."""
    pyramid_channels: int = 256

    # Region proposals
    anchor_sizes: tuple[float, ...] = (32, 64, 128, 256, 512)
    """Square root of an anchor's area, one for each of P2..P6."""
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height / width."""
    rpn_positive_iou: float = 0.7
    rpn_negative_iou: float = 0.3
    train_rpn_samples: int = 256
    train_rpn_positive_share: float = 0.5
    rpn_box_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    rpn_nms_iou: float = 0.7
    proposals_before_nms: int = 1000
    """A level."""
    proposals: int = 1000
    """An image, over all levels."""
    train_proposals_before_nms: int = 2000
    train_proposals: int = 1000

    # Box head
    box_pool: int = 7
    box_units: tuple[int, ...] = (1024, 1024)
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    roi_positive_iou: float = 0.5
    train_rois: int = 512
    train_roi_positive_share: float = 0.25

    # Mask head
    mask_size: int = 28
    """Side of the mask grid; RoIs are pooled to half of it."""
    mask_convolutions: int = 4

    # Detections
    score_threshold: float = 0.05
    detection_nms_iou: float = 0.5
    class_agnostic_nms: bool = False
    detections: int = 100
    """At most, an image."""

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work.

        Raises:
            ModelError: naming the field and what it must be.
        """
        for wrong, message in self._faults():
            if wrong:
                raise ModelError(f"network config: {message}")

    def _faults(self) -> list[tuple[bool, str]]:
        shares = (
            "rpn_positive_iou",
            "rpn_negative_iou",
            "train_rpn_positive_share",
            "rpn_nms_iou",
            "roi_positive_iou",
            "train_roi_positive_share",
            "score_threshold",
            "detection_nms_iou",
        )
        counts = (
            "classes",
            "bands",
            "pyramid_channels",
            "train_rpn_samples",
            "proposals_before_nms",
            "proposals",
            "train_proposals_before_nms",
            "train_proposals",
            "box_pool",
            "train_rois",
            "mask_size",
            "mask_convolutions",
            "detections",
        )
        return [
            *((not 0 <= getattr(self, n) <= 1, f"{n} must be between 0 and 1") for n in shares),
            *((getattr(self, n) < 1, f"{n} must be at least 1") for n in counts),
            (
                self.backbone not in BACKBONE_NAMES,
                f"backbone '{self.backbone}' is none of {', '.join(BACKBONE_NAMES)}",
            ),
            (
                not len(self.pixel_mean) == len(self.pixel_std) == self.bands,
                "pixel_mean and pixel_std need one value for each of the bands",
            ),
            (min(self.pixel_std, default=1) <= 0, "pixel_std must be positive"),
            (
                len(self.anchor_sizes) != len(STRIDES),
                "anchor_sizes needs one size for each of P2..P6",
            ),
            (
                min((*self.anchor_sizes, *self.anchor_ratios), default=0) <= 0,
                "anchor_sizes and anchor_ratios must be positive and not empty",
            ),
            (
                self.rpn_negative_iou > self.rpn_positive_iou,
                "rpn_negative_iou must not exceed rpn_positive_iou",
            ),
            (not self.box_units or min(self.box_units) < 1, "box_units must be positive"),
            (bool(self.mask_size % 2), "mask_size must be even"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MaskRCNNConfig:
        """A config from what `to_dict` gave, perhaps by way of JSON.

        Raises:
            ModelError: for a field this version does not know.
        """
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ModelError(f"network config: unknown field '{unknown[0]}'")
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**fields)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> MaskRCNNConfig:
        """A named recipe, with some fields changed.

        Raises:
            ModelError: for a name that is no preset.
        """
        if name not in PRESETS:
            raise ModelError(f"'{name}' is none of the presets {', '.join(sorted(PRESETS))}")
        return cls(**{**PRESETS[name], **changes})


PRESETS: dict[str, dict[str, Any]] = {
    # The network of the literature.
    "resnet50": {},
    "resnet101": {"backbone": "resnet101"},
    # Runs and trains on a CPU. The anchors suit fields at 2 m.
    "light": {
        "backbone": "efficientnet-lite0",
        "pyramid_channels": 128,
        "anchor_sizes": (16, 32, 64, 128, 256),
        "train_proposals_before_nms": 1000,
        "train_proposals": 500,
        "train_rois": 128,
        "proposals_before_nms": 500,
        "proposals": 300,
        "box_units": (256, 256),
    },
}
