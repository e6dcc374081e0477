"""Reading the tensors of a PyTorch file without PyTorch, and without running anything.

There are two containers. `torch.save` before version 1.6 wrote five pickles in a row: a magic
number, the protocol version, facts about the machine, the object with its tensors as views into
storages, and the list of storages; then each storage's length (int64) and its raw numbers, in the
order of the list. Since then it writes a zip: `data.pkl` with the object, `data/KEY` with the
numbers of each storage, uncompressed, and lately `byteorder`, all in one folder.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from geomrcnn.errors import ModelError
from geomrcnn.network.weights.torch_unpickler import Storage, TensorUnpickler, View

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_ZIP = b"PK\x03\x04"
_WRAPPERS = ("model", "state_dict", "model_state_dict")
"""Keys under which training scripts keep the state dict."""

Numbers = Callable[[Storage], np.ndarray]
"""Gives the numbers [length] of a storage."""


def read_torch_pickle(path: Path) -> dict[str, np.ndarray]:
    """Read the state dict in `path`: tensor names to arrays, in the file's order.

    Raises:
        ModelError: if the file cannot be read, is no such file, or asks for anything but tensors.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    read = _read_zip if data.startswith(_ZIP) else _read_legacy
    try:
        return read(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ModelError(f"{path} is not a PyTorch file of tensors, or is damaged") from error


def _read_legacy(data: bytes) -> dict[str, np.ndarray]:
    file = BytesIO(data)
    head = [TensorUnpickler(file).load() for _ in range(3)]
    if head[:2] != [_MAGIC, _PROTOCOL] or not head[2]["little_endian"]:
        raise ModelError("not a PyTorch file of a kind that can be read")
    unpickler = TensorUnpickler(file)
    content = unpickler.load()
    keys = TensorUnpickler(file).load()
    buffer, start = memoryview(data), file.tell()
    numbers = {}
    for key in keys:
        storage = unpickler.storages[key]
        if int(np.frombuffer(buffer, "<i8", 1, start)[0]) != storage.length:
            raise ModelError("a storage is not as long as its tensors think")
        start += 8
        numbers[storage] = storage.numbers(buffer[start : start + storage.size])
        start += storage.size
    return _arrays(content, numbers.__getitem__)


def _read_zip(data: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        pickles = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise ModelError("a zip, but not one that PyTorch wrote: it has no data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise ModelError("not a PyTorch file of a kind that can be read")
        content = TensorUnpickler(BytesIO(archive.read(pickles[0]))).load()
        return _arrays(content, lambda storage: _member(archive, folder, storage))


def _member(archive: zipfile.ZipFile, folder: str, storage: Storage) -> np.ndarray:
    return storage.numbers(archive.read(f"{folder}data/{storage.key}"))


def _arrays(content: Any, numbers: Numbers) -> dict[str, np.ndarray]:
    """The tensors of a state dict, or of the one inside a training script's checkpoint."""
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(view, View) for name, view in content.items()
    ):
        raise ModelError("holds something else than a state dict of tensors")
    return {name: view.array(numbers(view.storage)) for name, view in content.items()}
