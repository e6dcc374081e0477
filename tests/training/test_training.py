"""Training on a few synthetic scenes: it learns, stops, resumes, and makes a bundle."""

from __future__ import annotations

import csv
import math
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.errors import DataError, ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.own import named_weights
from geomrcnn.training.bundling import bundle_run
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.initialise import trained_network
from geomrcnn.training.run import RunConfig
from geomrcnn.training.sources import Source
from geomrcnn.training.table import read_table
from geomrcnn.training.train import repeat
from tests.training.resumable import TINY, run


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """A COCO folder of two small scenes."""
    folder = tmp_path_factory.mktemp("data") / "scenes"
    write_dataset(folder, 2, 96, 4.0, seed=1, overwrite=False)
    return folder


class Run(NamedTuple):
    folder: Path
    bundle: Path
    lines: list[str]


@pytest.fixture(scope="module")
def whole(scenes, tmp_path_factory) -> Run:
    """A run from its first step to its last, and its bundle."""
    folder = tmp_path_factory.mktemp("runs")
    lines: list[str] = []
    run(scenes, folder / "run", say=lines.append, validation=scenes)
    bundle_run(folder / "run", folder / "run.zip", {"name": "tiny"})
    return Run(folder / "run", folder / "run.zip", lines)


def test_a_broken_run_resumes_to_the_same_weights(scenes, whole, tmp_path):
    class PowerCutError(Exception):
        pass

    def cut(line):
        if line.startswith("step 2  validation"):
            raise PowerCutError

    with pytest.raises(PowerCutError):
        run(scenes, tmp_path / "broken", validation=scenes, say=cut)
    assert not (tmp_path / "broken/last/ckpt-4.index").exists()
    lines: list[str] = []
    run(scenes, tmp_path / "broken", validation=scenes, resume=True, say=lines.append)
    assert any(line.startswith("anchors fitted") for line in whole.lines)
    assert not any(line.startswith("anchors fitted") for line in lines)
    assert_same_weights(tmp_path / "broken", whole.folder)
    assert read_table(tmp_path / "broken/validation.csv") == read_table(
        whole.folder / "validation.csv"
    )


def test_a_run_killed_at_any_moment_resumes_to_the_same_weights(scenes, whole, tmp_path):
    folder = tmp_path / "killed"
    rng = random.Random(time.time_ns())
    command = [sys.executable, "-m", "tests.training.resumable", str(scenes), str(folder)]
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith("step 2  validation"):
                break
        time.sleep(rng.uniform(0, 2))
        process.kill()
        process.communicate()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert_same_weights(folder, whole.folder)


def test_a_run_is_repeated_from_its_config(whole, tmp_path):
    repeat(whole.folder / "run.toml", tmp_path / "again", say=lambda line: None)
    assert_same_weights(tmp_path / "again", whole.folder)
    assert RunConfig.read(tmp_path / "again") == RunConfig.read(whole.folder)


def assert_same_weights(one: Path, other: Path) -> None:
    for which in ("best", "last"):
        wanted = named_weights(trained_network(other, which))
        for name, value in named_weights(trained_network(one, which)).items():
            np.testing.assert_array_equal(value, wanted[name], err_msg=f"{which}: {name}")


def test_a_run_changes_the_weights(whole):
    bundle = Bundle.open(whole.bundle)
    fresh = named_weights(MaskRCNN(MaskRCNNConfig.from_dict(bundle.network())))
    bias = "rpn/logits/bias"  # starts at zero
    assert np.abs(bundle.weights()[bias] - fresh[bias]).max() > 1e-4


def test_a_run_directory_tells_what_happened(whole):
    rows = list(csv.DictReader((whole.folder / "losses.csv").open()))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert math.isfinite(float(rows[0]["total"]))
    assert list((whole.folder / "tensorboard").glob("events*"))
    assert any("validation  mask AP" in line for line in whole.lines)
    assert [row["step"] for row in read_table(whole.folder / "validation.csv")] == [2, 4]
    events = b"".join(path.read_bytes() for path in (whole.folder / "tensorboard").iterdir())
    for name in (b"validation/mask AP", b"weights/rpn/logits/bias", b"gradients/rpn/logits/bias"):
        assert name in events


def test_the_best_weights_are_kept_and_training_stops_when_they_get_no_better(scenes, tmp_path):
    stuck = replace(TINY, steps=12, learning_rate=1e-12, checkpoint_steps=1, patience=3)
    lines: list[str] = []
    run(scenes, tmp_path / "run", training=stuck, validation=scenes, say=lines.append)
    assert [row["step"] for row in read_table(tmp_path / "run/validation.csv")] == [1, 2, 3, 4]
    assert any("no better for 3 scores" in line for line in lines)
    assert "report.html" in lines[-1]
    assert [row["step"] for row in read_table(tmp_path / "run/losses.csv")] == [1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "run/best").glob("*.index")] == ["ckpt-1.index"]
    before = lines[:]
    run(
        scenes, tmp_path / "run", training=stuck, validation=scenes, say=lines.append,
        resume=True,
    )  # fmt: skip
    assert not any(line.startswith("step 5") for line in lines[len(before) :])


def test_the_gsd_is_that_of_the_images(scenes, tmp_path):
    run(scenes, tmp_path / "run", gsd=None, training=replace(TINY, steps=1))
    assert RunConfig.read(tmp_path / "run").gsd == 4.0


def test_a_run_is_not_overwritten_nor_resumed_with_other_options(scenes, whole, tmp_path):
    with pytest.raises(DataError, match="--resume"):
        run(scenes, whole.folder)
    other = TrainingConfig(steps=9, batch=1, tile=64, warmup_steps=2, checkpoint_steps=2)
    with pytest.raises(DataError, match=r"run\.toml"):
        run(scenes, whole.folder, validation=scenes, training=other, resume=True)
    with pytest.raises(DataError, match="not the directory of a training run"):
        run(scenes, tmp_path / "nowhere", resume=True)


def test_a_bundle_starts_another_run(scenes, whole, tmp_path):
    run(scenes, tmp_path / "second", init=str(whole.bundle))
    assert (tmp_path / "second/last/ckpt-4.index").exists()


def test_a_card_with_an_unknown_field_is_refused(whole, tmp_path):
    with pytest.raises(ModelError, match=r"model card.*colour"):
        bundle_run(whole.folder, tmp_path / "x.zip", {"colour": "red"})
    assert not list(tmp_path.iterdir())


def test_int8_needs_images_that_can_be_opened_again(whole, tmp_path):
    pytest.importorskip("nncf")
    own = Source(("Python: Balloons",))
    replace(RunConfig.read(whole.folder), sources=(own,)).write(tmp_path / "own")
    with pytest.raises(DataError, match=r"a dataset of its own; .*geomrcnn export .*--calibrate"):
        bundle_run(tmp_path / "own", tmp_path / "x.zip", {}, int8=True)
