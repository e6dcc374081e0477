"""Files as `torch.save` writes them, in both containers, written without PyTorch."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

HEADER = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})
KINDS = {"f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage", "u2": "BFloat16Storage"}
"""NumPy's dtypes to PyTorch's storages; the numbers of bfloat16 go in as their bits."""


class Name:
    """Pickles as the bare name of something in a module, which need not be installed."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self) -> None:
        """Only what can be called may be named as the builder of an object."""


class Tensor:
    """Pickles as PyTorch's tensors do: a view into a storage of `numbers`."""

    def __init__(
        self,
        numbers: np.ndarray,
        offset: int = 0,
        shape: tuple[int, ...] | None = None,
        strides: tuple[int, ...] | None = None,
    ) -> None:
        """By default all of a contiguous array."""
        shape = numbers.shape if shape is None else shape
        if strides is None:
            strides = tuple(step // numbers.itemsize for step in numbers.strides)
        self.numbers = numbers.reshape(-1)
        self.view = offset, shape, strides


class Parameter:
    """Pickles as PyTorch's parameters do."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class TorchPickler(pickle._Pickler):  # the one in Python: it lets a bare name be written
    def __init__(self, file: io.BytesIO, legacy: bool = True) -> None:
        super().__init__(file, protocol=2)
        self.legacy = legacy
        self.storages: list[np.ndarray] = []

    def save(self, obj: Any, save_persistent_id: bool = True) -> Any:
        if isinstance(obj, Name):
            return self.write(f"c{obj.module}\n{obj.name}\n".encode())
        return super().save(obj, save_persistent_id)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Tensor):
            rebuild = Name("torch._utils", "_rebuild_tensor_v2")
            return rebuild, (obj.numbers, *obj.view, False, OrderedDict())
        if isinstance(obj, Parameter):
            rebuild = Name("torch._utils", "_rebuild_parameter")
            return rebuild, (obj.tensor, True, OrderedDict())
        return NotImplemented

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, np.ndarray):
            return None
        keys = [id(storage) for storage in self.storages]
        if id(obj) not in keys:
            self.storages.append(obj)
            keys.append(id(obj))
        kind = Name("torch", KINDS[obj.dtype.str[1:]])
        pid = ("storage", kind, str(keys.index(id(obj))), "cpu", len(obj))
        return (*pid, None) if self.legacy else pid


def dump(*objects: Any) -> bytes:
    """Pickles in a row."""
    return b"".join(_pickled(item)[0] for item in objects)


def write_legacy(path: Path, content: Any) -> Path:
    """Write as PyTorch did before 1.6."""
    data, storages = _pickled(content)
    keys = [str(key) for key in range(len(storages))]
    with path.open("wb") as file:
        file.write(dump(*HEADER) + data + dump(keys))
        for numbers in storages:
            file.write(struct.pack("<q", len(numbers)) + numbers.tobytes())
    return path


def write_zip(path: Path, content: Any, *, order: bytes = b"little") -> Path:
    """Write as PyTorch does since 1.6."""
    data, storages = _pickled(content, legacy=False)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", order)
        for key, numbers in enumerate(storages):
            archive.writestr(f"archive/data/{key}", numbers.tobytes())
        archive.writestr("archive/version", b"3\n")
    return path


def state_dict(arrays: Mapping[str, np.ndarray]) -> OrderedDict[str, Tensor]:
    """Arrays as the tensors of a state dict."""
    return OrderedDict((name, Tensor(np.ascontiguousarray(a))) for name, a in arrays.items())


def _pickled(content: Any, legacy: bool = True) -> tuple[bytes, list[np.ndarray]]:
    file = io.BytesIO()
    pickler = TorchPickler(file, legacy)
    pickler.dump(content)
    return file.getvalue(), pickler.storages
