"""The loop on a small network: it repeats, resumes, averages, and stops at what is not finite."""

from __future__ import annotations

import shutil
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
from geomrcnn.training.trainer import Pause, Trainer
from tests.training.tiny import fit, image, make_trainer, network

STAGES = (Stage("heads", 2), Stage("5+", 2, 0.5))
PLAIN = TrainingConfig(steps=3, batch=2, tile=64, warmup_steps=0, checkpoint_steps=1)


def staged(**changes: Any) -> TrainingConfig:
    settings = {"steps": 4, "stages": STAGES, "average": 0.9, "checkpoint_steps": 2}
    return TrainingConfig(**{"batch": 1, "tile": 64, "warmup_steps": 1, **settings, **changes})


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

    def keep(pause: Pause) -> bool:
        evaluated.update(named_weights(trainer.model))
        return True

    rows = fit(trainer, on_checkpoint=keep)
    return Whole(trainer, rows, evaluated, folder)


def test_a_run_goes_on_from_a_checkpoint_to_exactly_the_same_numbers(whole, tmp_path):
    kept = tmp_path / "last"
    kept.mkdir()
    for path in (whole.folder / "last").glob("ckpt-2.*"):
        shutil.copy(path, kept)
    (kept / "checkpoint").write_text('model_checkpoint_path: "ckpt-2"\n')
    resumed = make_trainer(tmp_path, staged(), find_devices())
    assert fit(resumed) == whole.rows[2:]
    weights = named_weights(resumed.model)
    for name, value in named_weights(whole.trainer.model).items():
        np.testing.assert_array_equal(value, weights[name], err_msg=name)


def test_the_averages_are_evaluated_and_kept(whole):
    model = network()
    load_trained(whole.folder, model)
    kept, last = named_weights(model), named_weights(whole.trainer.model)
    for name, value in whole.evaluated.items():
        np.testing.assert_array_equal(value, kept[name], err_msg=name)
    assert (kept["rpn/logits/bias"] != last["rpn/logits/bias"]).any()


def test_a_loss_that_is_not_finite_names_the_image_and_keeps_the_last_checkpoint(tmp_path):
    trainer = make_trainer(tmp_path, PLAIN)
    good: dict[str, np.ndarray] = {}

    def keep(pause: Pause) -> bool:
        good.update(named_weights(trainer.model))
        return True

    with pytest.raises(DataError, match=r"step 2, on field 3\.tif: ") as error:
        fit(
            trainer,
            spoilt=3,
            name_of=lambda position: f"field {position}.tif",
            on_checkpoint=keep,
        )
    assert "\n" not in str(error.value)
    assert [path.name for path in (tmp_path / "last").glob("*.index")] == ["ckpt-1.index"]
    model = network()
    load_trained(tmp_path, model)
    for name, value in named_weights(model).items():
        np.testing.assert_array_equal(value, good[name], err_msg=name)
    with pytest.raises(DataError, match="no checkpoint"):
        load_trained(tmp_path / "nowhere", model)


def test_half_precision_trains_like_float32(whole, tmp_path):
    config = staged(precision="float16", stages=(Stage("heads", 1),), steps=1)
    trainer = make_trainer(tmp_path, config)
    model = trainer.model
    assert model.box_head.logits.compute_dtype == "float16"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    before = model.box_head.logits.kernel.numpy()
    (row,) = fit(trainer)
    np.testing.assert_allclose(row["total"], whole.rows[0]["total"], rtol=0.02)
    assert (model.box_head.logits.kernel.numpy() != before).any()
    found = model(tf.constant(image(1)[0][None]))
    assert {part.dtype for part in found} == {tf.float32, tf.int32}


def test_a_batch_that_cannot_be_parted_is_refused(tmp_path):
    config = replace(PLAIN, batch=3, accumulate=2)
    with pytest.raises(DataError, match=r"3 tiles.*2 equal parts"):
        make_trainer(tmp_path, config)
