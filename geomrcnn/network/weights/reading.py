"""Finding out whose file of weights it is, by its content, and reading it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from geomrcnn.errors import ModelError
from geomrcnn.network.weights.foreign import Foreign
from geomrcnn.network.weights.matterport import read_matterport
from geomrcnn.network.weights.torchvision import read_torchvision

_HDF5 = b"\x89HDF\r\n\x1a\n"
_TORCH = (b"\x80", b"PK\x03\x04")
"""A pickle, or a zip."""


def read_foreign(path: Path, *, batch_norm_epsilon: float | None = None) -> Foreign:
    """Read a file of matterport's or torchvision's Mask R-CNN.

    Args:
        path: The file; its ending does not matter.
        batch_norm_epsilon: Of a torchvision backbone, as `read_torchvision` takes it.

    Raises:
        ModelError: if it cannot be read, is neither, or is damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_HDF5))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    if head == _HDF5:
        return read_matterport(path)
    if is_bundle(path):
        raise ModelError(f"{path} is a model file of geomrcnn already: nothing to import")
    if head.startswith(_TORCH):
        return read_torchvision(path, batch_norm_epsilon=batch_norm_epsilon)
    raise ModelError(
        f"{path} holds no weights that can be read: give a .h5 of matterport's Mask R-CNN or a "
        ".pth of torchvision's"
    )


def is_bundle(path: Path) -> bool:
    """Whether the file is one of our own."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "network.json" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
