"""The reader of PyTorch files, on files written here in the same format, and on hostile ones."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.weights.torch_pickle import read_torch_pickle

Writer = Callable[[Mapping[str, Any]], Path]


class Tensor:
    """Pickles as PyTorch's tensors do: a view into the storage `key` of `numbers`."""

    def __init__(
        self, numbers: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.key, self.numbers = str(id(numbers)), numbers
        self.view = offset, shape, strides

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.numbers, *self.view, False, OrderedDict())


class TorchPickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, np.ndarray):
            return None
        kind = {"f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage"}[obj.dtype.str[1:]]
        return "storage", getattr(sys.modules["torch"], kind), str(id(obj)), "cpu", len(obj), None


def dump(*objects: Any) -> bytes:
    file = io.BytesIO()
    for item in objects:
        TorchPickler(file, protocol=2).dump(item)
    return file.getvalue()


HEADER = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Write a state dict as PyTorch would, with stand-ins for the names of `torch`."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in ("FloatStorage", "DoubleStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(tensors: Mapping[str, Any]) -> Path:
        storages = {t.key: t.numbers for t in tensors.values() if isinstance(t, Tensor)}
        data = dump(*HEADER, OrderedDict(tensors), list(storages))
        for numbers in storages.values():
            data += struct.pack("<q", len(numbers)) + numbers.tobytes()
        path = tmp_path / "weights.pth"
        path.write_bytes(data)
        return path

    return write


def test_tensors_come_back(write: Writer) -> None:
    numbers = np.arange(12, dtype=np.float32)
    path = write(
        {
            "plain": Tensor(numbers, 0, (3, 4), (4, 1)),
            "transposed": Tensor(numbers, 0, (4, 3), (1, 4)),
            "tail": Tensor(numbers, 10, (2,), (1,)),
            "empty": Tensor(numbers, 0, (0, 5), (5, 1)),
            "double": Tensor(np.array([0.1, 0.2]), 0, (2,), (1,)),
            "count": Tensor(np.array([7], np.int64), 0, (), ()),
        }
    )
    read = read_torch_pickle(path)
    plain = numbers.reshape(3, 4)
    expected = {
        "plain": plain,
        "transposed": plain.T,
        "tail": numbers[10:],
        "empty": np.empty((0, 5), np.float32),
        "double": np.array([0.1, 0.2]),
        "count": np.array(7, np.int64),
    }
    assert list(read) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(read[name], array, strict=True)


class Evil:
    """Unpickled carelessly, touches a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


@pytest.mark.parametrize("place", ["as the file", "among the tensors", "as the list of storages"])
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path: Path, place: str) -> None:
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    evil = Evil(canary)
    path.write_bytes(
        {
            "as the file": dump(evil),
            "among the tensors": dump(*HEADER, OrderedDict(weight=evil), []),
            "as the list of storages": dump(*HEADER, OrderedDict(), evil),
        }[place]
    )
    with pytest.raises(ModelError, match=r"evil.pth: refused: the file asks for \w+.system"):
        read_torch_pickle(path)
    assert not canary.exists()
    pickle.loads(dump(evil))
    assert canary.exists(), "the pickle was harmless, so the test proves nothing"


@pytest.mark.parametrize(
    "name",
    [
        "builtins\neval",
        "builtins\ngetattr",
        "numpy\nload",
        "torch\nload",
        "torch._utils\n_rebuild_parameter",
        "collections\nOrderedDict.fromkeys",
        "geomrcnn.network.weights.torch_pickle\n_Storage",
    ],
)
def test_every_other_name_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"\x80\x02c" + name.encode() + b"\n.")
    with pytest.raises(ModelError, match="refused: the file asks for " + name.replace("\n", ".")):
        read_torch_pickle(path)


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
    write: Writer, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    numbers = np.arange(4, dtype=np.float32)
    with pytest.raises(ModelError):
        read_torch_pickle(write({"weight": Tensor(numbers, offset, shape, strides)}))


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path, write: Writer) -> None:
    good = write({"weight": Tensor(np.arange(9, dtype=np.float32), 0, (9,), (1,))}).read_bytes()
    path = tmp_path / "weights.pth"
    contents = {
        "damaged": (b"", b"GIF89a", good[:-1], good[:100], dump(*HEADER, {"epoch": 3}, [])),
        "of a kind": (dump(1, 2, {}),),
        "zip format: save it again": (b"PK\x03\x04 and so on",),
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
