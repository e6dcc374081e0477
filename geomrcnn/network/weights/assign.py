"""Putting named arrays into a network: every variable gets one of its own shape, or none does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import keras
import numpy as np

from geomrcnn.errors import ModelError


class Report(NamedTuple):
    """What became of a file of weights."""

    source: str
    """Where the weights come from, for people."""
    assigned: tuple[str, ...]
    """Variables that were set, as "layer/variable"."""
    left_over: tuple[str, ...]
    """Names, as in the file, of tensors the network has no place for."""


def variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Every weight of `model` with its name: "stem_conv/kernel", "stem_conv_bn/gamma", ..."""
    for layer in model.layers:
        for variable in layer.weights:
            yield f"{layer.name}/{variable.name}", variable


def assign(model: keras.Model, tensors: Mapping[str, np.ndarray], source: str) -> tuple[str, ...]:
    """Set every weight of `model` from `tensors`, keyed as by `variables`; returns their names.

    Raises:
        ModelError: if a tensor is missing or of another shape; the model is then unchanged.
    """
    own = dict(variables(model))
    for name, variable in own.items():
        if name not in tensors:
            raise ModelError(f"{source} has no weights for {name}: it fits another network")
        if tensors[name].shape != tuple(variable.shape):
            raise ModelError(
                f"{source} has {name} of shape {tensors[name].shape}, the network needs "
                f"{tuple(variable.shape)}: it fits another network"
            )
    for name, variable in own.items():
        variable.assign(tensors[name])
    return tuple(own)
