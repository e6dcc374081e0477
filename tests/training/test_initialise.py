"""Where a training starts from."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from geomrcnn.bundle.bundle import as_kept, write_bundle
from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.errors import DataError, ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.download import CACHE, MIRROR
from geomrcnn.network.weights.matterport import COCO
from geomrcnn.network.weights.own import named_weights
from geomrcnn.network.weights.stem import inflate_stem, spread
from geomrcnn.training import initialise
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.initialise import Start, starting_point, trained_network
from geomrcnn.training.train import train
from tests.oracles.matterport_file import write_matterport
from tests.oracles.torch_file import state_dict, write_zip

SMALL = MaskRCNNConfig.preset("light", classes=2, pyramid_channels=8, box_units=(8, 8))
HEADS = ("box_head/logits", "box_head/deltas", "mask_head/logits")


def start(init: object, folder: Path, **changes: object) -> Start:
    settings = {"preset": None, "classes": 2, "bands": 3, "folder": folder / "new"}
    return starting_point(str(init), **{**settings, **changes})  # type: ignore[arg-type]


def write_small(
    path: Path, config: MaskRCNNConfig, weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Write a bundle of a small network, and return the weights it keeps."""
    kept = as_kept(weights)
    card = ModelCard(
        name="small",
        classes=("a", "b"),
        bands=("red", "green", "blue", "near infrared")[: config.bands],
        dtype="uint8",
        gsd=1.0,
        tile=64,
        overlap=0,
        min_score=0.5,
        mean=config.pixel_mean,
        std=config.pixel_std,
    )
    write_bundle(path, card, config.to_dict(), kept, {"fp32": (b"", b"")})
    return kept


@pytest.fixture(scope="module")
def model() -> MaskRCNN:
    """A small network; tests give it weights of their own."""
    return MaskRCNN(SMALL)


@pytest.fixture(scope="module")
def small(
    model: MaskRCNN, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, np.ndarray]]:
    """A bundle of the small network, and its weights."""
    path = tmp_path_factory.mktemp("bundles") / "small.zip"
    return path, write_small(path, SMALL, named_weights(model))


def test_without_a_network_the_preset_decides(tmp_path: Path) -> None:
    plain = start("imagenet", tmp_path).config
    assert plain.backbone == "efficientnet-lite0"
    assert not plain.train_stem
    assert plain.pixel_mean == (127.0,) * 3
    other = start("imagenet", tmp_path, backbone="resnet50").config
    assert (other.backbone, other.pyramid_channels) == ("resnet50", plain.pyramid_channels)
    assert other.pixel_mean == (123.68, 116.779, 103.939)
    four = start("imagenet", tmp_path, bands=4, preset="resnet50").config
    assert four.backbone == "resnet50"
    assert four.train_stem, "the fourth band's kernel must learn"
    assert four.pixel_mean == spread((123.68, 116.779, 103.939), 4)
    fresh = start("none", tmp_path)
    assert fresh.config.train_stem


def test_a_bundle_gives_its_network_and_weights(
    model: MaskRCNN, small: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    path, weights = small
    begin = start(path, tmp_path)
    assert begin.config == SMALL
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    report = begin.load(model)
    assert report is not None
    assert report.skipped == report.missing == report.left_over == ()
    for name, value in named_weights(model).items():
        np.testing.assert_array_equal(value, weights[name])


def test_a_bundle_starts_other_classes_and_bands(
    small: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    path, weights = small
    begin = start(path, tmp_path, classes=5, bands=6)
    assert (begin.config.classes, begin.config.bands) == (5, 6)
    assert begin.config.train_stem
    model = MaskRCNN(begin.config)
    report = begin.load(model)
    assert report is not None
    assert {name.rpartition("/")[0] for name in report.skipped} == set(HEADS)
    found = named_weights(model)
    expected = inflate_stem(weights["stem_conv/kernel"], 6)
    np.testing.assert_array_equal(found["stem_conv/kernel"], expected)
    np.testing.assert_array_equal(found["rpn/deltas/kernel"], weights["rpn/deltas/kernel"])


def test_weights_for_four_bands_start_no_other(tmp_path: Path) -> None:
    four = dataclasses.replace(SMALL, bands=4, pixel_mean=(0.0,) * 4, pixel_std=(1.0,) * 4)
    write_small(tmp_path / "four.zip", four, {})
    with pytest.raises(DataError, match=r"four\.zip is for 4 bands, the data has 3"):
        start(tmp_path / "four.zip", tmp_path)


def test_a_preset_may_change_numbers_but_no_convention(
    small: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    begin = start(small[0], tmp_path, preset="small-objects")
    assert begin.config.anchor_sizes == (12, 24, 48, 96, 192)
    with pytest.raises(ModelError, match=r"geometry aligned, the preset torchvision has torchvis"):
        start(small[0], tmp_path, preset="torchvision")


@pytest.fixture
def coco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a file in place of matterport's, of the first layers alone."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:9")
    (tmp_path / "cache").mkdir()
    stem = np.random.default_rng(0).normal(size=(7, 7, 3, 64)).astype(np.float32)
    weights = {"conv1/kernel": stem, "mrcnn_class_logits/bias": np.zeros(81, np.float32)}
    return write_matterport(tmp_path / "cache" / COCO.file, weights)


def test_coco_is_matterports_network(coco: Path, tmp_path: Path) -> None:
    begin = start("coco", tmp_path, classes=1)
    assert begin.config.geometry == begin.config.resnet_style == "matterport"
    assert begin.config.backbone == "resnet101"
    assert begin.config.classes == 1
    assert begin.config.image_min_side == begin.config.image_max_side == 0
    coco.unlink()
    with pytest.raises(ModelError, match=f"cannot download .*: save {COCO.url} as {coco}"):
        start("coco", tmp_path)


def test_a_file_in_part_is_loaded_and_the_rest_told(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).normal(size=(64, 3, 7, 7)).astype(np.float32)
    head = np.zeros((91, 1024), np.float32)
    content = {
        "backbone.body.conv1.weight": kernel,
        "roi_heads.box_predictor.cls_score.weight": head,
        "roi_heads.keypoint_head.0.weight": head,
    }
    path = write_zip(tmp_path / "weights.pth", state_dict(content))
    begin = start(path, tmp_path, classes=1, bands=1)
    assert begin.config.geometry == "torchvision"
    model = MaskRCNN(begin.config)
    report = begin.load(model)
    assert report is not None
    assert report.loaded == ("stem_conv/kernel",)
    assert report.skipped == ("box_head/logits/kernel",)
    assert report.left_over == ("roi_heads.keypoint_head.0.weight",)
    assert len(report.missing) == len(model.weights) - 2
    expected = kernel.sum(axis=1).transpose(1, 2, 0)[:, :, None]
    found = named_weights(model)["stem_conv/kernel"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def run(
    small: tuple[Path, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A data set and a run of one step on it."""
    folder = tmp_path_factory.mktemp("runs")
    write_dataset(folder / "data", 1, 96, 4.0, seed=1, overwrite=False)
    training = TrainingConfig(steps=1, batch=1, tile=64, warmup_steps=1, checkpoint_steps=1)
    train(
        [folder / "data"],
        folder / "runs/first",
        gsd=4.0,
        init=str(small[0]),
        training=training,
        bundle=False,
        say=lambda line: None,
    )
    return folder / "data", folder / "runs/first"


def test_a_run_its_checkpoints_and_last_start_another(
    model: MaskRCNN, run: tuple[Path, Path]
) -> None:
    _, folder = run
    weights = named_weights(trained_network(folder))
    for init in (folder / "last", "last"):
        begin = start(init, folder.parent, classes=1)
        assert begin.config.classes == 1
        report = begin.load(model)
        assert report is not None
        found = named_weights(model)
        assert {name.rpartition("/")[0] for name in report.skipped} == set(HEADS)
        for name in report.loaded:
            np.testing.assert_array_equal(found[name], weights[name])


def test_last_is_the_newest_of_the_neighbours(run: tuple[Path, Path], tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "older")):
        shutil.copytree(run[1], tmp_path / name)
        for path in (tmp_path / name / "last").iterdir():
            os.utime(path, (1e9 - age, 1e9 - age))
    assert initialise.newest_run(tmp_path / "new") == tmp_path / "newest"
    assert initialise.newest_run(tmp_path / "older") == tmp_path / "older"
    shutil.rmtree(tmp_path / "newest/last")
    assert initialise.newest_run(tmp_path / "new") == tmp_path / "older"
    with pytest.raises(DataError, match="there is no run with a checkpoint in"):
        start("last", tmp_path / "older")


def test_last_goes_on_with_the_run_itself(run: tuple[Path, Path]) -> None:
    data, folder = run
    said: list[str] = []
    training = TrainingConfig(steps=1, batch=1, tile=64, warmup_steps=1, checkpoint_steps=1)
    train([data], folder, gsd=4.0, init="last", training=training, bundle=False, say=said.append)
    assert "resuming after step 1" in said


@pytest.mark.parametrize("init", ["nothing.h5", "imagenett", "."])
def test_what_is_not_there_says_what_can_be(tmp_path: Path, init: str) -> None:
    with pytest.raises(ModelError, match=r"no model '.*imagenet, coco, none, last") as caught:
        start(init, tmp_path)
    assert "\n" not in str(caught.value)
