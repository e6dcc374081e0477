"""From class scores and deltas to the boxes that are reported."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.network.box_head import BoxPredictions
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.detections import detect_boxes
from geomrcnn.network.proposals import Proposals

ROIS = np.array([[10, 10, 50, 50], [12, 10, 52, 50], [70, 70, 90, 90]], "f4")
CHANCES = np.array([[0.1, 0.6, 0.3], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]], "f4")


@pytest.mark.parametrize(
    ("agnostic", "wanted"),
    [
        # Of each class, the two RoIs on one object count once.
        (False, [(1, 2), (0, 1), (2, 1), (2, 2)]),
        # An object is of one class.
        (True, [(1, 2), (2, 1)]),
    ],
)
def test_classes_suppress_each_other_only_where_nms_is_agnostic(agnostic, wanted):
    config = MaskRCNNConfig(classes=2, class_agnostic_nms=agnostic)
    predictions = BoxPredictions(tf.constant(np.log(CHANCES)), tf.zeros([3, 2, 4]))
    proposals = Proposals(tf.constant(ROIS), tf.zeros([3], tf.int32))
    found = detect_boxes(predictions, proposals, tf.constant([[0.0, 0, 100, 100]]), config)
    assert found.classes.numpy().tolist() == [class_id for _, class_id in wanted]
    np.testing.assert_allclose(found.boxes, ROIS[[roi for roi, _ in wanted]], atol=1e-4)
    chances = [CHANCES[place] for place in wanted]
    np.testing.assert_allclose(found.scores, chances, atol=1e-6)
