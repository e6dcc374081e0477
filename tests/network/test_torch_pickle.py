"""The reader of PyTorch files, on files written here in both containers, and on hostile ones."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.weights.torch_pickle import read_torch_pickle
from tests.oracles.torch_file import HEADER, Parameter, Tensor, dump, write_legacy, write_zip

Writer = Callable[[Path, Any], Path]

both = pytest.mark.parametrize("write", [write_legacy, write_zip], ids=["legacy", "zip"])


@both
def test_tensors_come_back(tmp_path: Path, write: Writer) -> None:
    numbers = np.arange(12, dtype=np.float32)
    content = OrderedDict(
        plain=Tensor(numbers, 0, (3, 4), (4, 1)),
        transposed=Tensor(numbers, 0, (4, 3), (1, 4)),
        tail=Tensor(numbers, 10, (2,), (1,)),
        empty=Tensor(numbers, 0, (0, 5), (5, 1)),
        double=Tensor(np.array([0.1, 0.2])),
        count=Tensor(np.array([7], np.int64), 0, (), ()),
        parameter=Parameter(Tensor(numbers, 1, (2,), (1,))),
        # 1, -2 and 2 to the -126, as the upper halves of float32
        bfloat16=Tensor(np.array([0x3F80, 0xC000, 0x0080], np.uint16)),
    )
    read = read_torch_pickle(write(tmp_path / "weights.pth", content))
    plain = numbers.reshape(3, 4)
    expected = {
        "plain": plain,
        "transposed": plain.T,
        "tail": numbers[10:],
        "empty": np.empty((0, 5), np.float32),
        "double": np.array([0.1, 0.2]),
        "count": np.array(7, np.int64),
        "parameter": numbers[1:3],
        "bfloat16": np.array([1, -2, 2.0**-126], np.float32),
    }
    assert list(read) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(read[name], array, strict=True)


@both
@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict"])
def test_a_checkpoint_of_a_training_script_gives_its_model(
    tmp_path: Path, write: Writer, key: str
) -> None:
    numbers = np.arange(3, dtype=np.float32)
    content = {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.02, device="cuda"),
        "optimizer": {"state": {0: {"momentum_buffer": Tensor(numbers + 1)}}},
        key: OrderedDict(weight=Tensor(numbers)),
    }
    read = read_torch_pickle(write(tmp_path / "checkpoint.pth", content))
    assert list(read) == ["weight"]
    np.testing.assert_array_equal(read["weight"], numbers)


class Evil:
    """Unpickled carelessly, touches a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


def hostile(path: Path, place: str, evil: Evil) -> Path:
    if place == "legacy, as the file":
        path.write_bytes(dump(evil))
    elif place == "legacy, among the tensors":
        path.write_bytes(dump(*HEADER, OrderedDict(weight=evil), []))
    elif place == "legacy, as the list of storages":
        path.write_bytes(dump(*HEADER, OrderedDict(), evil))
    elif place == "zip, as the file":
        write_zip(path, evil)
    elif place == "zip, among the tensors":
        write_zip(path, OrderedDict(good=Tensor(np.ones(1, np.float32)), weight=evil))
    elif place == "zip, beside the model":
        write_zip(path, {"model": OrderedDict(), "args": evil})
    return path


@pytest.mark.parametrize(
    "place",
    [
        "legacy, as the file",
        "legacy, among the tensors",
        "legacy, as the list of storages",
        "zip, as the file",
        "zip, among the tensors",
        "zip, beside the model",
    ],
)
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path: Path, place: str) -> None:
    canary = tmp_path / "canary"
    evil = Evil(canary)
    path = hostile(tmp_path / "evil.pth", place, evil)
    with pytest.raises(ModelError, match=r"evil.pth: refused: the file asks for \w+.system"):
        read_torch_pickle(path)
    assert not canary.exists()
    pickle.loads(dump(evil))
    assert canary.exists(), "the pickle was harmless, so the test proves nothing"


@pytest.mark.parametrize("container", ["legacy", "zip"])
@pytest.mark.parametrize(
    "name",
    [
        "builtins\neval",
        "builtins\ngetattr",
        "numpy\nload",
        "torch\nload",
        "torch._utils\n_rebuild_tensor",
        "collections\nOrderedDict.fromkeys",
        "geomrcnn.network.weights.torch_unpickler\nStorage",
    ],
)
def test_every_other_name_is_refused(tmp_path: Path, name: str, container: str) -> None:
    path, data = tmp_path / "weights.pth", b"\x80\x02c" + name.encode() + b"\n."
    path.write_bytes(data)
    if container == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", data)
    with pytest.raises(ModelError, match="refused: the file asks for " + name.replace("\n", ".")):
        read_torch_pickle(path)


@both
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5,), (1,)),
        (3, (2,), (1,)),
        (4, (), ()),
        (-1, (1,), (1,)),
        (3, (2,), (-1,)),
        (0, (2, 2), (1, 3)),
        (0, (9,), (0,)),
        (0, (10**12,), (0,)),
        (0, (-1,), (1,)),
        (0, (2,), (1, 1)),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(
    tmp_path: Path, write: Writer, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    tensor = Tensor(np.arange(4, dtype=np.float32), offset, shape, strides)
    with pytest.raises(ModelError):
        read_torch_pickle(write(tmp_path / "weights.pth", {"weight": tensor}))


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    weight = {"weight": Tensor(np.arange(9, dtype=np.float32))}
    legacy = write_legacy(path, weight).read_bytes()
    zipped = write_zip(path, weight).read_bytes()
    broken = archive({"a/data.pkl": b"", "a/data/0": bytes(36)})
    with zipfile.ZipFile(io.BytesIO(zipped)) as good:
        pickled = good.read("archive/data.pkl")
    contents = {
        "damaged": (b"", b"GIF89a", legacy[:100], zipped[:-1], zipped[:100], broken, archive({})),
        "of a kind": (dump(1, 2, {}), write_zip(path, weight, order=b"big").read_bytes()),
        "no data.pkl": (archive({"a": b"b"}), archive({"a/b/data.pkl": b""})),
        "cut short": (legacy[:-1], archive({"a/data.pkl": pickled, "a/data/0": b"1234"})),
        "something else than a state dict": (
            dump(*HEADER, {"epoch": 3}, []),
            dump(*HEADER, [1], []),
            write_zip(path, {"model": {"weight": "heavy"}}).read_bytes(),
        ),
    }
    for message, examples in contents.items():
        for data in examples:
            path.write_bytes(data)
            with pytest.raises(ModelError, match=message) as caught:
                read_torch_pickle(path)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"cannot read .*absent\.pth: No such file"):
        read_torch_pickle(tmp_path / "absent.pth")
