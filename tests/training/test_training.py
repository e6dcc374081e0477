"""Training on a few synthetic scenes: it learns, stops, resumes, and makes a bundle."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.errors import DataError, ModelError
from geomrcnn.evaluation.evaluation import evaluate_dataset
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.own import named_weights
from geomrcnn.runtime.keras import KerasDetector
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.train import bundle_run, train

TINY = TrainingConfig(steps=4, batch=1, tile=64, warmup_steps=2, checkpoint_steps=2)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """A COCO folder of two small scenes."""
    folder = tmp_path_factory.mktemp("data") / "scenes"
    write_dataset(folder, 2, 96, 4.0, seed=1, overwrite=False)
    return folder


def run(scenes: Path, out: Path, **changes) -> None:
    settings = {"gsd": 4.0, "init": "none", "training": TINY, "say": lambda line: None}
    train([scenes], out, **{**settings, **changes})


class Run(NamedTuple):
    folder: Path
    bundle: Path
    lines: list[str]


@pytest.fixture(scope="module")
def whole(scenes, tmp_path_factory) -> Run:
    """A run from its first step to its last, and its bundle."""
    folder = tmp_path_factory.mktemp("runs")
    lines: list[str] = []
    run(scenes, folder / "run", say=lines.append, validate=lambda model, card: {"AP": 0.25})
    bundle_run(folder / "run", folder / "run.zip", {"name": "tiny"})
    return Run(folder / "run", folder / "run.zip", lines)


def test_a_broken_run_resumes_to_the_same_weights(scenes, whole, tmp_path):
    class PowerCutError(Exception):
        pass

    def cut(model, card):
        raise PowerCutError

    with pytest.raises(PowerCutError):
        run(scenes, tmp_path / "broken", validate=cut)
    assert not (tmp_path / "broken/checkpoints/ckpt-4.index").exists()
    run(scenes, tmp_path / "broken", resume=True)
    bundle_run(tmp_path / "broken", tmp_path / "broken.zip", {})
    resumed = Bundle.open(tmp_path / "broken.zip").weights()
    for name, value in Bundle.open(whole.bundle).weights().items():
        np.testing.assert_allclose(value, resumed[name], atol=2e-3, err_msg=name)


def test_a_run_changes_the_weights(whole):
    bundle = Bundle.open(whole.bundle)
    fresh = named_weights(MaskRCNN(MaskRCNNConfig.from_dict(bundle.network())))
    bias = "rpn/logits/bias"  # starts at zero
    assert np.abs(bundle.weights()[bias] - fresh[bias]).max() > 1e-4


def test_a_run_directory_tells_what_happened(whole):
    rows = list(csv.DictReader((whole.folder / "losses.csv").open()))
    assert [row["step"] for row in rows] == ["4"]
    assert math.isfinite(float(rows[0]["total"]))
    assert list((whole.folder / "tensorboard").glob("events*"))
    assert any("AP 0.250" in line for line in whole.lines)


def test_a_run_is_not_overwritten_nor_resumed_with_other_options(scenes, whole, tmp_path):
    with pytest.raises(DataError, match="--resume"):
        run(scenes, whole.folder)
    other = TrainingConfig(steps=9, batch=1, tile=64, warmup_steps=2, checkpoint_steps=2)
    with pytest.raises(DataError, match=r"run\.json"):
        run(scenes, whole.folder, training=other, resume=True)
    with pytest.raises(DataError, match="not the directory of a training run"):
        run(scenes, tmp_path / "nowhere", resume=True)


def test_a_bundle_starts_another_run(scenes, whole, tmp_path):
    run(scenes, tmp_path / "second", init=str(whole.bundle))
    assert (tmp_path / "second/checkpoints/ckpt-4.index").exists()


def test_a_card_with_an_unknown_field_is_refused(whole, tmp_path):
    with pytest.raises(ModelError, match=r"model card.*colour"):
        bundle_run(whole.folder, tmp_path / "x.zip", {"colour": "red"})
    assert not list(tmp_path.iterdir())


def test_eight_tiles_are_learnt_by_heart(tmp_path):
    """The classic proof that nothing in the chain is crossed: mask AP50 of at least 0.95."""
    write_dataset(tmp_path / "tiles", 8, 256, 2.0, seed=0, overwrite=False)
    scores: dict[str, float] = {}

    def validate(model, card):
        dataset = CocoDataset(tmp_path / "tiles/coco.json", gsd=2.0)
        scores.update(evaluate_dataset(KerasDetector(model, card), dataset).coco.overall)
        return scores

    still = Augmentation(
        scale=(1.0, 1.0), flips=False, brightness=0, contrast=0, saturation=0, gain=0, gamma=0,
        blur=0, noise=0,
    )  # fmt: skip
    training = TrainingConfig(
        steps=600, batch=2, tile=256, learning_rate=0.012, warmup_steps=40, checkpoint_steps=600
    )
    train(
        [tmp_path / "tiles"],
        tmp_path / "run",
        gsd=2.0,
        training=training,
        augmentation=still,
        validate=validate,
    )
    assert scores["mask AP50"] >= 0.95
