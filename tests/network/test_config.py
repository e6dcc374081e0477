from __future__ import annotations

import json

import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.config import PRESETS, MaskRCNNConfig


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    config = MaskRCNNConfig.preset(name, classes=3)
    assert MaskRCNNConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"classes": 0}, "classes"),
        ({"bands": 4}, "pixel_mean"),
        ({"backbone": "vgg16"}, "vgg16"),
        ({"anchor_sizes": (32, 64)}, "anchor_sizes"),
        ({"rpn_negative_iou": 0.8}, "rpn_negative_iou"),
        ({"score_threshold": 1.5}, "score_threshold"),
        ({"pixel_std": (1.0, 0.0, 1.0)}, "pixel_std"),
        ({"box_units": ()}, "box_units"),
        ({"mask_size": 27}, "mask_size"),
    ],
)
def test_nonsense_is_refused_by_name(changes, named):
    with pytest.raises(ModelError, match=named):
        MaskRCNNConfig(**changes)


def test_unknown_preset_and_field_are_refused():
    with pytest.raises(ModelError, match="light"):
        MaskRCNNConfig.preset("heavy")
    with pytest.raises(ModelError, match="colour"):
        MaskRCNNConfig.from_dict({"colour": 1})
