"""Every number of the network and of its training targets, in one frozen value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from geomrcnn.errors import ModelError
from geomrcnn.network.fields import fields_from
from geomrcnn.network.geometry import GEOMETRIES

BACKBONE_NAMES = (
    "resnet50",
    "resnet101",
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "mobilenetv2",
)
RESNET_STYLES = ("keras", "torchvision", "matterport")
NORMS = ("none", "batch", "sync-batch", "group")
STRIDES = (4, 8, 16, 32, 64)
"""Pixels of the image per cell of P2..P6; fixed by the backbones and the pyramid."""
SIZE_DIVISOR = 32
"""Height and width of the images must be multiples of this."""
CENTRED_SIZE_DIVISOR = 64
"""The same where the geometry centres images in their padding."""


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

    # Conventions
    geometry: str = "aligned"
    """Name of a set of conventions, a key of `GEOMETRIES`."""
    image_min_side: int = 0
    """Images are resized so that the shorter side is this, as far as `image_max_side` allows;
    0 takes them as they are, which is right for tiles at one GSD. Some geometries only enlarge."""
    image_max_side: int = 0
    """Images are resized so that the longer side is at most this; 0 sets no limit."""

    # Trunk
    backbone: str = "resnet50"
    resnet_style: str = "keras"
    """Whose ResNet: stride in the first 1×1 or in the 3×3, biases, padding of the first pool."""
    batch_norm_epsilon: float | None = None
    """Of every norm; None is that of the backbone's ImageNet weights, and 1e-5 after it."""
    train_batch_norm: bool = False
    """False freezes every batch norm at its stored statistics: right for batches below about 8."""
    train_stem: bool = False
    """False keeps the layers up to C2 as initialised, as detectron2 does (FREEZE_AT 2)."""
    pyramid_channels: int = 256
    pyramid_norm: str = "none"
    """One of `NORMS`, after each convolution of the pyramid."""

    # Region proposals
    anchor_sizes: tuple[float, ...] = (32, 64, 128, 256, 512)
    """Square root of an anchor's area, one for each of P2..P6."""
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height / width."""
    rpn_channels: int | None = None
    """None: as many as the pyramid."""
    rpn_convolutions: int = 1
    """3×3 convolutions before the two outputs."""
    rpn_positive_iou: float = 0.7
    rpn_negative_iou: float = 0.3
    train_rpn_samples: int = 256
    train_rpn_positive_share: float = 0.5
    rpn_box_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    rpn_nms_iou: float = 0.7
    proposals_before_nms: int = 1000
    """A level, or an image where the geometry proposes over all levels jointly."""
    proposals: int = 1000
    """An image, over all levels."""
    train_proposals_before_nms: int = 2000
    train_proposals: int = 1000

    # Box head
    box_pool: int = 7
    box_convolutions: int = 0
    """3×3 convolutions of `pyramid_channels` before the fully connected layers."""
    box_units: tuple[int, ...] = (1024, 1024)
    unit_norm: str = "none"
    """One of `NORMS`, after each fully connected layer."""
    head_norm: str = "none"
    """One of `NORMS`, after each 3×3 convolution of the box and mask heads."""
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    roi_positive_iou: float = 0.5
    train_rois: int = 512
    train_roi_positive_share: float = 0.25

    train_class_weights: tuple[float, ...] | None = None
    """How much an RoI of each class counts in the class loss, background first; None: all alike."""
    train_focal_gamma: float = 0.0
    """How much RoIs that are classified well count less (focal loss); 0: not at all, 2 is usual."""

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
        choices = {
            "backbone": BACKBONE_NAMES,
            "geometry": tuple(GEOMETRIES),
            "resnet_style": RESNET_STYLES,
            **dict.fromkeys(("pyramid_norm", "head_norm", "unit_norm"), NORMS),
        }
        weights = self.train_class_weights
        counts = (
            "classes",
            "bands",
            "pyramid_channels",
            "rpn_convolutions",
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
            *(
                (
                    getattr(self, n) not in names,
                    f"{n} '{getattr(self, n)}' is none of {', '.join(names)}",
                )
                for n, names in choices.items()
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
            (
                min(self.image_min_side, self.image_max_side, self.box_convolutions) < 0,
                "image_min_side, image_max_side and box_convolutions must not be negative",
            ),
            (
                self.geometry == "matterport" and bool(self.image_max_side % CENTRED_SIZE_DIVISOR),
                f"image_max_side must be a multiple of {CENTRED_SIZE_DIVISOR} for 'matterport'",
            ),
            (
                self.rpn_channels is not None and self.rpn_channels < 1,
                "rpn_channels must be at least 1",
            ),
            ((self.batch_norm_epsilon or 0) < 0, "batch_norm_epsilon must not be negative"),
            (not self.box_units or min(self.box_units) < 1, "box_units must be positive"),
            (bool(self.mask_size % 2), "mask_size must be even"),
            (
                weights is not None
                and (len(weights) != 1 + self.classes or min(weights, default=0) < 0),
                "train_class_weights needs one value for the background and each of the classes, "
                "none below 0",
            ),
            (self.train_focal_gamma < 0, "train_focal_gamma must not be negative"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MaskRCNNConfig:
        """A config from what `to_dict` gave, perhaps by way of JSON.

        Raises:
            ModelError: for a field that this version does not know, or that is of another type.
        """
        return cls(**fields_from(cls, values, "network config"))

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
PRESETS["torchvision"] = {
    # maskrcnn_resnet50_fpn as published for COCO.
    "geometry": "torchvision",
    "resnet_style": "torchvision",
    "classes": 90,
    "image_min_side": 800,
    "image_max_side": 1333,
    "batch_norm_epsilon": 1e-5,
    "train_proposals": 2000,
}
PRESETS["torchvision-v2"] = {
    # maskrcnn_resnet50_fpn_v2: more convolutions, and norms after them (Li et al. 2021).
    **PRESETS["torchvision"],
    "pyramid_norm": "batch",
    "rpn_convolutions": 2,
    "box_convolutions": 4,
    "box_units": (1024,),
    "head_norm": "batch",
}
PRESETS["matterport"] = {
    # matterport's Mask R-CNN as published for COCO.
    "geometry": "matterport",
    "resnet_style": "matterport",
    "backbone": "resnet101",
    "classes": 80,
    "image_min_side": 800,
    "image_max_side": 1024,
    "pixel_mean": (123.7, 116.8, 103.9),
    "pixel_std": (1.0, 1.0, 1.0),
    "batch_norm_epsilon": 1e-3,
    "anchor_ratios": (2.0, 1.0, 0.5),
    "rpn_channels": 512,
    "rpn_box_weights": (10.0, 10.0, 5.0, 5.0),
    "proposals_before_nms": 6000,
    "train_proposals_before_nms": 6000,
    "train_proposals": 2000,
    "unit_norm": "batch",
    "head_norm": "batch",
    "train_rois": 200,
    "train_roi_positive_share": 0.33,
    "score_threshold": 0.7,
    "detection_nms_iou": 0.3,
}
PRESETS["small-objects"] = {
    # Crowds of objects of 8 to 100 pixels, as in the nucleus sample of matterport's Mask R-CNN.
    # Anchors of twice a level's stride would be too far apart to overlap what is between them.
    **PRESETS["light"],
    "anchor_sizes": (12, 24, 48, 96, 192),
    "train_proposals_before_nms": 2000,
    "train_proposals": 1000,
    "train_rois": 256,
    "train_roi_positive_share": 0.33,
    "proposals_before_nms": 1000,
    "proposals": 1000,
    "detections": 400,
}
