"""Reading weights from the HDF5 files that Keras 1 and 2 wrote.

A layer is a group of that name, directly in the file or, in files of `Model.save`, in the group
`model_weights`. Its datasets lie some groups deeper, as the layer's name was repeated and wrappers
added theirs: /conv1/conv1/kernel:0, /rpn_model/rpn_conv_shared/kernel:0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from geomrcnn.errors import ModelError


class HDF5Weights(NamedTuple):
    """The weights in a file, sorted into those looked for and the others."""

    tensors: dict[str, np.ndarray]
    """By our name of the layer and Keras' of the weight: "stem_conv/kernel"; float32."""
    left_over: tuple[str, ...]
    """Paths in the file."""


def read_keras_hdf5(path: Path, layers: Mapping[str, str]) -> HDF5Weights:
    """Read the weights of `layers`, a mapping of the file's names of layers to ours.

    Raises:
        ModelError: if the file cannot be read or is no HDF5 file.
    """
    tensors: dict[str, np.ndarray] = {}
    left_over: list[str] = []

    def take(place: str, item: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        *groups, weight = place.split("/")
        layer = next((group for group in reversed(groups) if group in layers), None)
        if layer is None or not np.issubdtype(item.dtype, np.floating):
            left_over.append(place)
        else:
            name = f"{layers[layer]}/{weight.partition(':')[0]}"
            tensors[name] = np.asarray(item, np.float32)

    try:
        path.open("rb").close()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    try:
        with h5py.File(path) as file:
            file.get("model_weights", file).visititems(take)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is not a Keras HDF5 file of weights, or is damaged") from error
    return HDF5Weights(tensors, tuple(left_over))
