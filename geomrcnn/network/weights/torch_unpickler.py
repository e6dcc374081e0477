"""Unpickling tensors, and nothing but tensors.

A pickle is a program; unpickling a file from a stranger may run whatever it names. The unpickler
here knows the few names a file of plain tensors is made of and refuses every other, so nothing in
the file is ever imported or called.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from geomrcnn.errors import ModelError

BFLOAT16 = "bfloat16"
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
"""Kinds of storage to NumPy dtypes; NumPy has none for bfloat16."""


class Storage(NamedTuple):
    """A flat run of numbers that tensors look into."""

    key: str
    dtype: str
    length: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.length * (2 if self.dtype == BFLOAT16 else np.dtype(self.dtype).itemsize)

    def numbers(self, data: bytes | memoryview) -> np.ndarray:
        """The numbers [length] in `data`, which must be `size` bytes; bfloat16 as float32."""
        if len(data) != self.size:
            raise ModelError("a storage is cut short")
        if self.dtype == BFLOAT16:  # the upper half of a float32
            return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        return np.frombuffer(data, self.dtype)


class View(NamedTuple):
    """A tensor: where it lies in its storage. Offset and strides count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, numbers: np.ndarray) -> np.ndarray:
        """Copy the tensor out of its storage's `numbers`.

        Raises:
            ModelError: if it reaches outside them.
        """
        if 0 in self.shape:
            return np.empty(self.shape, numbers.dtype)
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((length - 1) * step for length, step in steps)
        negative = min(self.offset, *self.shape, *self.strides, 0) < 0
        if negative or last >= len(numbers) or prod(self.shape) > len(numbers):
            raise ModelError("a tensor reaches outside its storage")
        strides = tuple(step * numbers.itemsize for step in self.strides)
        return np.array(as_strided(numbers[self.offset :], self.shape, strides), order="C")


class TensorUnpickler(pickle.Unpickler):
    """An unpickler that knows tensors and ordered dictionaries, and nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, Storage] = {}
        """Those met so far, by key."""

    def find_class(self, module: str, name: str) -> Any:
        """Stand in for the few names a file of tensors may ask for.

        Raises:
            ModelError: for any other.
        """
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) not in _STAND_INS:
            raise ModelError(f"refused: the file asks for {module}.{name}, which no tensor needs")
        return _STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        """Note down a storage; its numbers lie elsewhere in the file."""
        kind, dtype, key, _device, length, *view = pid
        if kind != "storage" or dtype not in _STORAGES.values() or any(view):
            raise ModelError("refused: the file holds something else than tensors")
        return self.storages.setdefault(str(key), Storage(str(key), dtype, int(length)))


class _Ignored:
    """Takes the place of what training scripts keep beside their tensors, and does nothing."""

    def __init__(self, *_: Any) -> None: ...


def _rebuild_tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> View:
    """Stand in for `torch._utils._rebuild_tensor_v2`; gradient flags and hooks are ignored."""
    if not isinstance(storage, Storage):
        raise ModelError("refused: a tensor without a storage")
    return View(storage, int(offset), tuple(shape), tuple(strides))


def _rebuild_parameter(data: View, *_: Any) -> View:
    """Stand in for `torch._utils._rebuild_parameter`, which marks a tensor as trainable."""
    return data


_STAND_INS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("argparse", "Namespace"): _Ignored,
    ("collections", "Counter"): _Ignored,
}
