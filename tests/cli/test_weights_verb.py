"""`geomrcnn weights` as a user meets it."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomrcnn.bundle.bundle import MODELS, Bundle, as_kept
from geomrcnn.bundle.coco_names import COCO_80, COCO_90
from geomrcnn.cli.main import run
from geomrcnn.cli.weights import weights
from geomrcnn.network.config import PRESETS
from tests.oracles.matterport_file import as_matterport, write_matterport
from tests.oracles.torch_file import state_dict, write_legacy, write_zip


class Evil:
    """Unpickled carelessly, touches a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


SMALL = {"pyramid_channels": 8, "rpn_channels": 8, "box_units": (8, 8)}


@pytest.fixture(scope="module")
def small_network() -> Iterator[None]:
    """The preset "matterport" with a shallow ResNet, a narrow pyramid and narrow heads."""
    from geomrcnn.network.backbones.resnet import RESNETS, ResNet

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RESNETS, "resnet50", ResNet((1, 1, 1, 1)))
        patch.setitem(PRESETS, "matterport", {**PRESETS["matterport"], **SMALL})
        yield


@pytest.fixture(scope="module")
def known(small_network: None) -> dict[str, np.ndarray]:
    """Random weights of such a network, for three classes."""
    from geomrcnn.network.config import MaskRCNNConfig
    from geomrcnn.network.mask_rcnn import MaskRCNN
    from geomrcnn.network.weights.own import named_weights

    config = MaskRCNNConfig.preset("matterport", backbone="resnet50", classes=3)
    return named_weights(MaskRCNN(config))


def test_a_file_of_matterport_becomes_a_model(
    known: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_matterport(tmp_path / "mask_rcnn_shapes_0010.h5", as_matterport(known))
    (tmp_path / "names.txt").write_text("square\ncircle\ntriangle\n\n")
    out = tmp_path / "shapes.zip"
    sizes = ("8", "16", "32", "64", "128")
    options = ["--out", str(out), "--classes", str(tmp_path / "names.txt"), "--gsd", "0.5"]
    arguments = ["import", str(file), *options, "--anchor-sizes", *sizes]
    assert run(weights, arguments) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{file}: loaded {len(known)} weights of ")
    assert said[1].startswith(f"{out}: model 'shapes', ")
    assert len(said) == 2
    bundle = Bundle.open(out)
    assert bundle.card.classes == ("square", "circle", "triangle")
    assert bundle.card.gsd == 0.5
    assert bundle.network()["geometry"] == "matterport"
    assert bundle.network()["anchor_sizes"] == [float(size) for size in sizes]
    found, kept = bundle.weights(), as_kept(known)
    for name in ("fpn/lateral3/kernel", "rpn/deltas/kernel", "box_head/hidden1/kernel"):
        np.testing.assert_allclose(found[name], kept[name], atol=1e-6)
    assert run(weights, arguments) == 1
    assert "exists already; add --overwrite" in capsys.readouterr().err


def test_part_of_a_network_is_told_by_name(
    known: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = {name: value for name, value in known.items() if not name.startswith("mask_head/")}
    file = write_matterport(tmp_path / "part.h5", as_matterport(part))
    out = tmp_path / "part.zip"
    assert run(weights, ["import", str(file), "--out", str(out), "--names"]) == 1
    said = capsys.readouterr()
    missing = next(line for line in said.out.splitlines() if "missing in the file" in line)
    assert missing.endswith("mask_head/doubling, mask_head/logits")
    assert "mask_head/convolution3_norm" in missing
    count = len(known) - len(part)
    assert f"Error: {file} lacks {count} of {len(known)} weights: a model file" in said.err
    assert not out.exists()


def test_a_layer_of_another_shape_is_named(
    known: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**known, "fpn/output2/kernel": np.zeros((3, 3, 8, 9), np.float32)}
    file = write_matterport(tmp_path / "wrong.h5", as_matterport(wrong))
    assert run(weights, ["import", str(file), "--out", str(tmp_path / "wrong.zip")]) == 1
    error = capsys.readouterr().err
    assert "has fpn/output2/kernel of shape (3, 3, 8, 9), the network needs (3, 3, 8, 8)" in error
    assert len([line for line in error.splitlines() if "Error" in line]) == 1


def make(kind: str, path: Path) -> Path:
    """A file that is not what it should be."""
    layers = {"mrcnn_class_logits/bias": np.zeros(4, np.float32)}
    evil = OrderedDict(weight=Evil(path.with_name("canary")))
    if kind == "text":
        path.write_text("hello")
    elif kind == "empty":
        path.touch()
    elif kind == "other HDF5":
        write_matterport(path, {"dense_1/kernel": np.zeros((2, 2), np.float32)})
    elif kind == "truncated HDF5":
        path.write_bytes(write_matterport(path, layers).read_bytes()[:-500])
    elif kind == "arrays":
        np.savez(path.with_suffix(".npz"), conv1=np.zeros(3))
        return path.with_suffix(".npz")
    elif kind == "own bundle":
        return MODELS / "fields.zip"
    elif kind == "other classes":
        write_matterport(path, layers)
    elif kind == "truncated zip":
        whole = write_zip(path, state_dict({"a.weight": np.zeros(999, np.float32)}))
        path.write_bytes(whole.read_bytes()[:-500])
    elif kind == "truncated pickle":
        whole = write_legacy(path, state_dict({"a.weight": np.zeros(999, np.float32)}))
        path.write_bytes(whole.read_bytes()[:-500])
    elif kind == "other network":
        write_zip(path, state_dict({"fc.weight": np.zeros((2, 2), np.float32)}))
    elif kind == "malicious zip":
        write_zip(path, evil)
    elif kind == "malicious pickle":
        write_legacy(path, evil)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "cannot read {}: No such file or directory"),
        ("text", "{} holds no weights that can be read: give a .h5 of matterport's"),
        ("empty", "{} holds no weights that can be read"),
        ("other HDF5", "{} holds no layer of matterport's Mask R-CNN"),
        ("truncated HDF5", "{} is not a Keras HDF5 file of weights, or is damaged"),
        ("arrays", "{}: a zip, but not one that PyTorch wrote: it has no data.pkl"),
        ("own bundle", "{} is a model file of geomrcnn already: nothing to import"),
        ("other classes", "{} is for 3 classes, not for the 2 that are named"),
        ("truncated zip", "{} is not a PyTorch file of tensors, or is damaged"),
        ("truncated pickle", "{}: a storage is cut short"),
        ("other network", "{} holds no layer of torchvision's Mask R-CNN"),
        ("malicious zip", "{}: refused: the file asks for posix.system, which no tensor needs"),
        ("malicious pickle", "{}: refused: the file asks for posix.system, which no tensor needs"),
    ],
)
def test_what_is_no_such_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, message: str
) -> None:
    file = make(kind, tmp_path / "weights.bin")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    out = tmp_path / "out.zip"
    options = ["--out", str(out), "--classes", str(tmp_path / "names.txt")]
    assert run(weights, ["import", str(file), *options]) == 1
    error = capsys.readouterr().err
    expected = message.format(file).replace("posix", os.system.__module__)
    assert error.startswith(f"Error: {expected}")
    assert error.count("\n") == 1
    assert not out.exists()
    assert not (tmp_path / "canary").exists()


def test_names_of_coco() -> None:
    assert len(COCO_80) == len(set(COCO_80)) == 80
    assert len(COCO_90) == len(set(COCO_90)) == 90
    # As in COCO's instances_val2017.json.
    numbers = {1: "person", 13: "stop sign", 27: "backpack", 67: "dining table", 90: "toothbrush"}
    assert {number: COCO_90[number - 1] for number in numbers} == numbers
    assert COCO_80[79] == "toothbrush"
