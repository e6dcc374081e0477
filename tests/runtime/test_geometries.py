"""Networks that resize their images, run on tiles as they come."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.bundle.make import write_model
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.keras import KerasDetector
from geomrcnn.runtime.openvino import OpenVinoDetector
from tests.oracles.detector import card


def network(geometry: str) -> MaskRCNN:
    keras.utils.set_random_seed(5)
    model = MaskRCNN(
        MaskRCNNConfig.preset(
            "light",
            geometry=geometry,
            image_min_side=128,
            image_max_side=128,
            pyramid_channels=32,
            box_units=(32,),
            proposals=60,
            detections=20,
        )
    )
    for weight in (*model.rpn.weights, *model.box_head.weights):
        weight.assign(weight * 4)
    model.box_head.logits.bias.assign([0.0, 1.0])  # nothing is likelier background
    return model


def tile(height: int, width: int) -> Tile:
    pixels = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    return Tile(0, 0, Window(0, 0, width, height), pixels, np.ones((height, width), bool))


@pytest.mark.parametrize("geometry", ["torchvision", "matterport"])
def test_boxes_are_in_pixels_of_the_tile(tmp_path, geometry):
    model = network(geometry)
    path = tmp_path / "model.zip"
    write_model(model, card(tile=96), path)
    bundle = Bundle.open(path)
    detector = KerasDetector.from_bundle(bundle)
    (wide,) = detector.detect([tile(50, 90)])
    assert len(wide) > 0
    assert (wide.boxes >= -0.01).all()
    assert (wide.boxes[:, 2] > 60).any()
    assert (wide.boxes <= np.array([90, 50, 90, 50]) + 0.01).all()

    square = tile(96, 96)
    (ours,), (theirs,) = detector.detect([square]), OpenVinoDetector(bundle, 96).detect([square])
    assert len(ours) > 0
    np.testing.assert_allclose(theirs.boxes, ours.boxes, atol=0.1)
    np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-3)
    np.testing.assert_allclose(theirs.masks, ours.masks, atol=1e-2)
