"""Which layers learn, and that frozen ones stand still."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from geomrcnn.errors import DataError
from geomrcnn.network.config import BACKBONE_NAMES
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.own import named_weights, weight_name
from geomrcnn.training.config import Stage, TrainingConfig
from geomrcnn.training.stages import Span, choose_layers, spans
from tests.training.tiny import fit, make_trainer, network

BACKBONES = [name for name in BACKBONE_NAMES if name != "resnet101"]
"""ResNet-101 differs from ResNet-50 in its number of blocks only."""
HEADS = ("fpn", "rpn", "box_head", "mask_head")


def learning(model: MaskRCNN) -> set[str]:
    return {weight_name(variable) for variable in model.trainable_variables}


@pytest.fixture(scope="module")
def models() -> dict[str, MaskRCNN]:
    return {name: network(backbone=name) for name in BACKBONES}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_stages_of_every_backbone(models, backbone):
    model = models[backbone]
    names = {weight_name(weight) for weight in model.weights}
    heads = {name for name in names if name.startswith(HEADS)}
    chosen = []
    for layers in ("heads", "5+", "4+", "3+", "all"):
        choose_layers(model, layers)
        chosen.append(learning(model))
        assert heads <= chosen[-1]
    assert chosen[0] == heads
    assert all(a < b for a, b in itertools.pairwise(chosen))
    assert chosen[-1] == {name for name in names if "_bn/" not in name}
    assert "stem_conv/kernel" in chosen[-1] - chosen[-2]
    first_of_stage_4 = "block4_1_conv1" if backbone.startswith("resnet") else "block4_1_expand"
    assert f"{first_of_stage_4}/kernel" in chosen[2] - chosen[1]


def test_three_up_is_what_a_network_learns_by_default(models):
    model = models["resnet50"]
    choose_layers(model, "3+")
    fresh = network(backbone="resnet50")
    assert learning(model) == learning(fresh)


def test_a_pattern_chooses_by_name(models):
    model = models["mobilenetv2"]
    choose_layers(model, "mask_head/.*|rpn/logits")
    assert {name.rpartition("/")[0] for name in learning(model)} == {
        "mask_head/convolution1", "mask_head/doubling", "mask_head/logits", "rpn/logits",
    }  # fmt: skip
    with pytest.raises(DataError, match=r"mask-head.*no layer.*mask_head/logits"):
        choose_layers(model, "mask-head/.*")


def test_spans_of_a_run():
    stages = Stage("heads", 4), Stage("all", 3), Stage("all", 2, 0.1)
    config = TrainingConfig(steps=9, stages=stages)
    assert list(spans(config)) == [Span(0, 4, "heads"), Span(4, 9, "all")]
    assert list(spans(config, 2)) == [Span(2, 4, "heads"), Span(4, 9, "all")]
    assert list(spans(config, 4)) == [Span(4, 9, "all")]
    assert list(spans(TrainingConfig(steps=9), 7)) == [Span(7, 9, None)]


def test_frozen_layers_stand_still_and_learning_ones_move(tmp_path):
    """Batch norms too, with their statistics; decay does not shrink what is frozen."""
    config = TrainingConfig(
        steps=1, batch=2, tile=64, stages=(Stage("5+", 1),), warmup_steps=0, weight_decay=0.1
    )
    trainer = make_trainer(tmp_path, config, train_batch_norm=True)
    before = named_weights(trainer.model)
    fit(trainer)
    after = named_weights(trainer.model)
    moved = {name for name, value in before.items() if not np.array_equal(value, after[name])}
    # C4 is the end of block 5, so stage 5 begins with block 6.
    assert moved == {name for name in before if name.startswith((*HEADS, "block6", "block7"))}
    assert any(name.endswith("moving_mean") for name in moved)
