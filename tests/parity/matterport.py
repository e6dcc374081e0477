"""matterport's Mask R-CNN: what its fixtures record. Boxes are (y1, x1, y2, x2) in 0..1."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from geomrcnn.network.painting import whole_boxes
from tests.parity.comparison import (
    Row,
    compare,
    compare_boxes,
    compare_equal,
    compare_order,
    compare_pixels,
    compare_rounded,
    pair,
)
from tests.parity.fixture import Fixture
from tests.parity.outputs import Outputs

_YX = [1, 0, 3, 2]


def config_changes(made_with: dict[str, Any]) -> dict[str, Any]:
    """Fields of our config from the project's `Config`: what the file of weights cannot say."""
    theirs = made_with["config"]
    resized = theirs["IMAGE_RESIZE_MODE"] != "none"
    square = theirs["IMAGE_RESIZE_MODE"] == "square"
    return {
        "image_min_side": theirs["IMAGE_MIN_DIM"] if resized else 0,
        "image_max_side": theirs["IMAGE_MAX_DIM"] if square else 0,
        "pixel_mean": tuple(theirs["MEAN_PIXEL"]),
        "anchor_sizes": tuple(theirs["RPN_ANCHOR_SCALES"]),
        "anchor_ratios": tuple(1 / ratio for ratio in theirs["RPN_ANCHOR_RATIOS"]),
        "rpn_box_weights": _weights(theirs["RPN_BBOX_STD_DEV"]),
        "rpn_nms_iou": theirs["RPN_NMS_THRESHOLD"],
        "proposals_before_nms": theirs["PRE_NMS_LIMIT"],
        "proposals": theirs["POST_NMS_ROIS_INFERENCE"],
        "box_weights": _weights(theirs["BBOX_STD_DEV"]),
        "score_threshold": theirs["DETECTION_MIN_CONFIDENCE"],
        "detection_nms_iou": theirs["DETECTION_NMS_THRESHOLD"],
        "detections": theirs["DETECTION_MAX_INSTANCES"],
    }


def _weights(deviations: list[float]) -> tuple[float, ...]:
    """Deviations of (y, x, h, w) as weights of (x, y, w, h)."""
    return tuple(1 / deviations[i] for i in _YX)


def rows(fixture: Fixture, ours: Outputs) -> list[Row]:
    """The table."""
    return [*_dense(fixture, ours), *_of_rois(fixture, ours), *_of_detections(fixture, ours)]


def _dense(fixture: Fixture, ours: Outputs) -> list[Row]:
    """All up to the region proposals."""
    recorded, stages = fixture.recorded, ours.stages
    anchors = np.concatenate(stages.anchors)[:, _YX]
    logits = np.concatenate([level.logits[0] for level in stages.predictions])
    deltas = np.concatenate([level.deltas[0] for level in stages.predictions])
    foreground = tf.sigmoid(logits).numpy()
    shares = np.stack([1 - foreground, foreground], axis=1)
    return [
        compare_equal("window", ours.frame.window[_YX], recorded["window"]),
        compare_equal("anchors: count", np.array(len(anchors)), recorded["anchors_len"]),
        compare_boxes("anchors", anchors[::37], recorded["anchors"] * _last(ours)),
        *(
            compare(f"P{n}", level[0, ::4, ::4, ::8].numpy(), recorded[f"fpn_p{n}"])
            for n, level in enumerate(stages.levels, 2)
        ),
        compare("RPN class", shares[::7], recorded["rpn_class"]),
        compare("RPN boxes", deltas[::7, _YX], recorded["rpn_bbox"]),
    ]


def _of_rois(fixture: Fixture, ours: Outputs) -> list[Row]:
    """The RoIs and what the box head says of them; classes without the background's boxes."""
    recorded, (logits, deltas) = fixture.recorded, ours.stages.box_predictions
    used = recorded["rpn_rois"].any(axis=1)
    theirs = recorded["rpn_rois"][used] * _last(ours)
    rois = ours.stages.proposals.boxes.numpy()[:, _YX]
    index = pair(rois, theirs)
    scores, deltas = tf.nn.softmax(logits).numpy()[index], deltas.numpy()[index]
    return [
        compare_equal("RoIs: count", np.array(len(rois)), np.array(len(theirs))),
        compare_boxes("RoIs", rois[index], theirs),
        compare("class scores", scores, recorded["mrcnn_class"][used]),
        compare("box deltas", deltas[..., _YX], recorded["mrcnn_bbox"][used, 1:]),
    ]


def _of_detections(fixture: Fixture, ours: Outputs) -> list[Row]:
    """Detections in the network's array, then in the image: without those of no whole pixel."""
    recorded, found = fixture.recorded, ours.stages.boxes
    used = recorded["detections"][:, 4] > 0
    theirs = recorded["detections"][used]
    boxes, scores, classes = (
        found.boxes.numpy()[:, _YX],
        found.scores.numpy(),
        found.classes.numpy(),
    )
    index = pair(boxes, theirs[:, :4] * _last(ours), classes, theirs[:, 4])
    masks = tf.sigmoid(ours.mask_logits).numpy()[index]
    final = whole_boxes(ours.boxes)
    shown = index[(final[index, 2:] > final[index, :2]).all(axis=1)]
    return [
        compare_equal("detections: count", np.array(len(boxes)), np.array(len(theirs))),
        compare_order("detections: order", index, theirs[:, 5]),
        compare_boxes("detections", boxes[index], theirs[:, :4] * _last(ours)),
        compare_equal("detections: classes", classes[index], theirs[:, 4]),
        compare("detections: scores", scores[index], theirs[:, 5]),
        compare("masks", masks, recorded["mrcnn_mask"][used, ..., 1:]),
        compare_equal("final: count", np.array(len(shown)), np.array(len(recorded["final_rois"]))),
        compare_rounded("final boxes", ours.boxes[shown][:, _YX], recorded["final_rois"]),
        compare_equal("final classes", classes[shown], recorded["final_class_ids"]),
        compare("final scores", scores[shown], recorded["final_scores"]),
        compare_pixels(
            "final masks", ours.masks[shown], fixture.masks("final_masks").transpose(2, 0, 1)
        ),
    ]


def _last(ours: Outputs) -> np.ndarray:
    """(H - 1, W - 1, H - 1, W - 1): what boxes are normalised by."""
    height, width = ours.frame.array
    return np.array([height - 1, width - 1] * 2, np.float32)
