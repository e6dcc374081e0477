"""torchvision's Mask R-CNN: what its fixtures record. Features are [channels, rows, columns]."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.parity.comparison import (
    Row,
    compare,
    compare_boxes,
    compare_equal,
    compare_order,
    compare_pixels,
    pair,
)
from tests.parity.fixture import Fixture
from tests.parity.outputs import Outputs

_LEVELS = ("0", "1", "2", "3", "pool")


def config_changes(made_with: dict[str, Any]) -> dict[str, Any]:
    """Fields of our config from the model's arguments: what the file of weights cannot say."""
    return {
        "image_min_side": made_with["min_size"],
        "image_max_side": made_with["max_size"],
        "score_threshold": made_with["box_score_thresh"],
        "detection_nms_iou": made_with["box_nms_thresh"],
        "detections": made_with["detections_per_image"],
        "proposals": made_with["rpn_post_nms_top_n"],
        "proposals_before_nms": made_with["rpn_pre_nms_top_n"],
    }


def rows(fixture: Fixture, ours: Outputs) -> list[Row]:
    """The table."""
    return [*_dense(fixture, ours), *_of_rois(fixture, ours), *_of_detections(fixture, ours)]


def _dense(fixture: Fixture, ours: Outputs) -> list[Row]:
    """All up to the region proposals."""
    recorded, (finest, *_) = fixture.recorded, ours.stages.levels
    cells = finest.shape[1], finest.shape[2], -1
    logits, deltas = (values.numpy().reshape(cells) for values in ours.stages.predictions[0])
    return [
        *(
            compare(f"P{n}", _sampled(level[0].numpy())[::8], recorded[f"fpn_{name}"])
            for n, (level, name) in enumerate(zip(ours.stages.levels, _LEVELS, strict=True), 2)
        ),
        compare("RPN objectness, P2", _sampled(logits), recorded["objectness_p2"]),
        compare("RPN boxes, P2", _sampled(deltas), recorded["rpn_deltas_p2"]),
    ]


def _of_rois(fixture: Fixture, ours: Outputs) -> list[Row]:
    """The RoIs, their features and what the box head says of them; no boxes of background."""
    recorded, (logits, deltas) = fixture.recorded, ours.stages.box_predictions
    rois = ours.stages.proposals.boxes.numpy()
    index = pair(rois, recorded["proposals"])
    pooled = ours.stages.pooled.numpy().transpose(0, 3, 1, 2)
    deltas = deltas.numpy().reshape(len(rois), -1)
    return [
        compare_equal("RoIs: count", np.array(len(rois)), np.array(len(recorded["proposals"]))),
        compare_boxes("RoIs", rois[index], recorded["proposals"]),
        compare("RoI features", pooled[index, ::16], recorded["roi_features"]),
        compare("class logits", logits.numpy()[index], recorded["class_logits"]),
        compare("box deltas", deltas[index], recorded["box_deltas"][:, 4:]),
    ]


def _of_detections(fixture: Fixture, ours: Outputs) -> list[Row]:
    recorded, boxes = fixture.recorded, ours.boxes
    scores, classes = ours.objects.scores.numpy(), ours.objects.classes.numpy()
    index = pair(boxes, recorded["boxes"], classes, recorded["labels"])
    masks = ours.mask_logits.transpose(0, 3, 1, 2)
    return [
        compare_equal("final count", np.array(len(boxes)), np.array(len(recorded["boxes"]))),
        compare_order("final order", index, recorded["scores"]),
        compare("mask logits", masks[index], recorded["mask_logits"][:, 1:]),
        compare_boxes("final boxes", boxes[index], recorded["boxes"]),
        compare_equal("final classes", classes[index], recorded["labels"]),
        compare("final scores", scores[index], recorded["scores"]),
        compare_pixels("final masks", ours.masks[index], fixture.masks("masks")),
    ]


def _sampled(features: np.ndarray) -> np.ndarray:
    """[rows, columns, channels] to [channels, every fourth row and column]."""
    return features.transpose(2, 0, 1)[:, ::4, ::4]
