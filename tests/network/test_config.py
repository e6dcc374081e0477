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
        ({"geometry": "detectron"}, "geometry 'detectron'"),
        ({"resnet_style": "caffe"}, "resnet_style"),
        ({"head_norm": "layer"}, "head_norm"),
        ({"rpn_channels": 0}, "rpn_channels"),
        ({"rpn_convolutions": 0}, "rpn_convolutions"),
        ({"box_convolutions": -1}, "box_convolutions"),
        ({"image_max_side": -1}, "image_max_side"),
        ({"geometry": "matterport", "image_max_side": 1000}, "multiple of 64"),
        ({"batch_norm_epsilon": -0.1}, "batch_norm_epsilon"),
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


def test_presets_of_other_projects_have_their_own_numbers():
    ours, v1, v2, matterport = (
        MaskRCNNConfig.preset(name)
        for name in ("resnet50", "torchvision", "torchvision-v2", "matterport")
    )
    assert (v1.pixel_mean, v1.pixel_std) == (ours.pixel_mean, ours.pixel_std)
    assert (v1.classes, v1.image_min_side, v1.image_max_side) == (90, 800, 1333)
    assert (v2.box_convolutions, v2.box_units, v2.rpn_convolutions) == (4, (1024,), 2)
    assert matterport.anchor_ratios == tuple(1 / ratio for ratio in (0.5, 1, 2))
    assert matterport.rpn_box_weights == tuple(1 / std for std in (0.1, 0.1, 0.2, 0.2))
    assert (matterport.classes, matterport.image_max_side) == (80, 1024)


def test_a_great_many_classes_cost_nothing():
    assert MaskRCNNConfig(classes=10**40).classes == 10**40
