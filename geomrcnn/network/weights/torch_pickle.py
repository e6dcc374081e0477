"""Reading the tensors of a PyTorch `.pth` file without PyTorch, and without running anything.

A pickle is a program; unpickling a file from a stranger may run whatever it names. The reader here
knows the few things a state dict of plain tensors is made of and refuses every other name.

The file (`torch.save` before version 1.6) is five pickles in a row: a magic number, the protocol
version, facts about the machine, the state dict with its tensors as views into storages, and the
list of storages; then each storage's length (int64) and its raw numbers, in the order of the list.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from geomrcnn.errors import ModelError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_ZIP = b"PK\x03\x04"

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


class _Storage(NamedTuple):
    """A flat run of numbers that tensors look into."""

    key: str
    dtype: str
    length: int


class _View(NamedTuple):
    """A tensor: where it lies in its storage. Offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_pickle(path: Path) -> dict[str, np.ndarray]:
    """Read the state dict in `path`: tensor names to arrays, in the file's order.

    Raises:
        ModelError: if the file cannot be read, is no such file, or asks for anything but tensors.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    if data.startswith(_ZIP):
        raise ModelError(
            f"{path} is in PyTorch's zip format: save it again with "
            "torch.save(..., _use_new_zipfile_serialization=False)"
        )
    try:
        return _read(BytesIO(data))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ModelError(f"{path} is not a PyTorch file of tensors, or is damaged") from error


def _read(file: BytesIO) -> dict[str, np.ndarray]:
    head = [_Unpickler(file).load() for _ in range(3)]
    if head[:2] != [_MAGIC, _PROTOCOL] or not head[2]["little_endian"]:
        raise ModelError("not a PyTorch file of a kind that can be read")
    views = _Unpickler(file).load()
    storages = _read_storages(file, views)
    return {name: _array(view, storages) for name, view in views.items()}


def _read_storages(file: BytesIO, views: Mapping[str, _View]) -> dict[str, np.ndarray]:
    """Read the numbers behind `views`: storage keys to arrays [length]."""
    dtypes = {view.storage.key: view.storage.dtype for view in views.values()}
    keys = _Unpickler(file).load()
    buffer, start = file.getbuffer(), file.tell()
    storages = {}
    for key in keys:
        length = int(np.frombuffer(buffer, "<i8", 1, start)[0])
        storages[key] = np.frombuffer(buffer, dtypes[key], length, start + 8)
        start += 8 + storages[key].nbytes
    return storages


def _array(view: _View, storages: Mapping[str, np.ndarray]) -> np.ndarray:
    """Copy a tensor out of its storage, once it is sure to lie inside."""
    storage = storages[view.storage.key]
    if 0 in view.shape:
        return np.empty(view.shape, storage.dtype)
    steps = zip(view.shape, view.strides, strict=True)
    last = view.offset + sum((length - 1) * step for length, step in steps)
    negative = min(view.offset, *view.shape, *view.strides, 0) < 0
    if negative or last >= len(storage) or prod(view.shape) > len(storage):
        raise ModelError("a tensor reaches outside its storage")
    strides = tuple(step * storage.itemsize for step in view.strides)
    return np.array(as_strided(storage[view.offset :], view.shape, strides), order="C")


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _View:
    """Stand in for `torch._utils._rebuild_tensor_v2`; gradient flags and hooks are ignored."""
    if not isinstance(storage, _Storage):
        raise ModelError("refused: a tensor without a storage")
    return _View(storage, int(offset), tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows tensors and ordered dictionaries, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise ModelError(f"refused: the file asks for {module}.{name}, which no tensor needs")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, length, view = pid
        if kind != "storage" or dtype not in _STORAGES.values() or view is not None:
            raise ModelError("refused: the file holds something else than tensors")
        return _Storage(key, dtype, length)
