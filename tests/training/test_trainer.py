"""The loop on a small network: it repeats, resumes, averages, and stops at what is not finite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.errors import DataError
from geomrcnn.network.weights.own import named_weights
from geomrcnn.training.checkpoints import load_trained
from geomrcnn.training.config import Stage, TrainingConfig
from geomrcnn.training.devices import find_devices
from geomrcnn.training.trainer import Trainer
from tests.training.tiny import fit, image, make_trainer, network

STAGES = (Stage("heads", 2), Stage("5+", 2, 0.5))
PLAIN = TrainingConfig(steps=1, batch=2, tile=64, warmup_steps=0, checkpoint_steps=1)


def staged(**changes: Any) -> TrainingConfig:
    settings = {"steps": 4, "stages": STAGES, "average": 0.9, "checkpoint_steps": 2}
    return TrainingConfig(**{"batch": 2, "tile": 64, "warmup_steps": 1, **settings, **changes})


class Whole(NamedTuple):
    trainer: Trainer
    rows: list[dict[str, float]]
    evaluated: dict[str, np.ndarray]
    folder: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Whole:
    """A run of two stages, with averaged weights."""
    folder = tmp_path_factory.mktemp("run")
    trainer = make_trainer(folder, staged(), find_devices())
    evaluated: dict[str, np.ndarray] = {}
    rows = fit(trainer, on_checkpoint=lambda step: evaluated.update(named_weights(trainer.model)))
    return Whole(trainer, rows, evaluated, folder)


def test_a_broken_run_repeats_and_resumes_exactly(whole, tmp_path):
    class PowerCutError(Exception):
        pass

    def cut(step: int) -> None:
        raise PowerCutError

    place = find_devices()
    with pytest.raises(PowerCutError):
        fit(make_trainer(tmp_path, staged(), place), on_checkpoint=cut)
    resumed = make_trainer(tmp_path, staged(), place)
    rows = fit(resumed)
    assert rows == whole.rows[2:]
    weights = named_weights(resumed.model)
    for name, value in named_weights(whole.trainer.model).items():
        np.testing.assert_array_equal(value, weights[name], err_msg=name)


def test_the_averages_are_evaluated_and_kept(whole):
    model = network()
    load_trained(whole.folder / "checkpoints", model)
    kept, last = named_weights(model), named_weights(whole.trainer.model)
    for name, value in whole.evaluated.items():
        np.testing.assert_array_equal(value, kept[name], err_msg=name)
    assert (kept["rpn/logits/bias"] != last["rpn/logits/bias"]).any()


def test_without_averages_the_weights_themselves_are_kept(tmp_path):
    trainer = make_trainer(tmp_path, PLAIN)
    fit(trainer)
    model = network()
    load_trained(tmp_path / "checkpoints", model)
    kept = named_weights(model)
    for name, value in named_weights(trainer.model).items():
        np.testing.assert_array_equal(value, kept[name], err_msg=name)
    with pytest.raises(DataError, match="no checkpoint"):
        load_trained(tmp_path / "nowhere", model)


def test_a_loss_that_is_not_finite_names_the_image_and_keeps_the_last_checkpoint(tmp_path):
    trainer = make_trainer(tmp_path, replace(PLAIN, steps=3))
    with pytest.raises(DataError, match=r"step 2, on field 3\.tif: ") as error:
        fit(trainer, spoilt=3, name_of=lambda position: f"field {position}.tif")
    assert "\n" not in str(error.value)
    assert [path.name for path in (tmp_path / "checkpoints").glob("*.index")] == ["ckpt-1.index"]
    model = network()
    load_trained(tmp_path / "checkpoints", model)
    assert all(np.isfinite(value).all() for value in named_weights(model).values())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_trains_like_float32(whole, tmp_path, precision):
    trainer = make_trainer(tmp_path, staged(precision=precision, stages=STAGES[:1], steps=2))
    model = trainer.model
    assert model.box_head.logits.compute_dtype == precision
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert network().box_head.logits.compute_dtype == "float32"
    rows = fit(trainer)
    for row, exact in zip(rows, whole.rows, strict=False):
        np.testing.assert_allclose(row["total"], exact["total"], rtol=0.05)
    pixels = tf.constant(image(1)[0][None])
    assert {part.dtype for part in model(pixels)} == {tf.float32, tf.int32}


def test_a_batch_that_cannot_be_parted_is_refused(tmp_path):
    config = replace(PLAIN, batch=3, accumulate=2)
    with pytest.raises(DataError, match=r"3 tiles.*2 equal parts"):
        make_trainer(tmp_path, config)
