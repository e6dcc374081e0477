"""Training configs: what is refused, what is read, and settings from text."""

from __future__ import annotations

import json

import pytest

from geomrcnn.errors import DataError
from geomrcnn.training.config import Stage, TrainingConfig
from geomrcnn.training.settings import parse_settings


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": 0}, "steps"),
        ({"accumulate": 0}, "accumulate"),
        ({"tile": 100}, "tile"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"average": 1.0}, "average"),
        ({"schedule": "linear"}, r"schedule.*cosine, step, constant"),
        ({"precision": "int8"}, "precision"),
        ({"stages": (Stage("heads", 10),)}, "stages"),
    ],
)
def test_nonsense_is_refused_by_name(changes, named):
    with pytest.raises(DataError, match=named):
        TrainingConfig(**changes)


def test_stages_from_text():
    assert Stage.parse("heads:1000") == Stage("heads", 1000)
    assert Stage.parse("4+:20@0.1") == Stage("4+", 20, 0.1)
    assert Stage.parse("mask_head/.*:5@1e-2") == Stage("mask_head/.*", 5, 0.01)
    for text in ("heads", "heads:0", "heads:x", "all:10@", "all:10@1.2.3", "(:10"):
        with pytest.raises(DataError, match="stage"):
            Stage.parse(text)


def test_a_config_goes_through_json():
    config = TrainingConfig(steps=30, stages=(Stage("heads", 10), Stage("all", 20, 0.1)))
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_configs_of_older_runs_are_read():
    old = {"steps": 9, "batch": 1, "tile": 64, "learning_rate": 0.01, "warmup_steps": 2}
    config = TrainingConfig.from_dict(old)
    assert (config.steps, config.stages, config.schedule) == (9, (), "cosine")


def test_settings_go_to_the_config_that_has_the_field():
    settings = parse_settings(
        [
            "weight_decay=1e-3",
            "clip_norm=4",
            "head_norm=group",
            "train_class_weights=[1, 2.5]",
            "haze=0.5",
        ]
    )
    assert settings.training == {"weight_decay": 1e-3, "clip_norm": 4}
    assert settings.network == {"head_norm": "group", "train_class_weights": (1, 2.5)}
    assert settings.augmentation == {"haze": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour=red", "no field.*colour"),
        ("weight_decay", "FIELD=VALUE"),
        ("mask_size=big", "mask_size.*int"),
        ("mask_size=true", "mask_size.*int"),
        ("rpn_box_weights=[1, 2]", "rpn_box_weights"),
        ("train_batch_norm=1", "train_batch_norm.*bool"),
    ],
)
def test_settings_that_fit_no_field(text, message):
    with pytest.raises(DataError, match=message):
        parse_settings([text])
