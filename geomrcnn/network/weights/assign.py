"""Putting named arrays into a network, and telling what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import keras
import numpy as np

from geomrcnn.errors import ModelError
from geomrcnn.network.weights.own import weight_name
from geomrcnn.network.weights.stem import inflate_stem

_OF_CLASSES = ("box_head/logits", "box_head/deltas", "mask_head/logits")
"""Layers whose shape follows the number of classes."""
_STEM = "stem_conv/kernel"
SHOWN = 6
"""Names of a list in a report for people."""


class Report(NamedTuple):
    """What became of a file of weights. Names but `left_over` are those of `named_weights`."""

    source: str
    """Where the weights come from, for people."""
    loaded: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    """In the file, but for another number of classes; they stay as they were."""
    missing: tuple[str, ...] = ()
    """Not in the file; they stay as they were."""
    left_over: tuple[str, ...] = ()
    """Names, as in the file, of tensors the network has no place for."""

    def lines(self, shown: int | None = SHOWN) -> list[str]:
        """The report for people; of long lists only the first names are `shown`, None shows all."""
        said = [f"{self.source}: loaded {_count(self.loaded)}"]
        for names, what in (
            (self.skipped, "skipped, for another number of classes"),
            (self.missing, "missing in the file"),
        ):
            if names:
                said.append(f"  {what}: {_count(names)}: {_shorten(_layers(names), shown)}")
        if self.left_over:
            said.append(f"  left over: {len(self.left_over)}: {_shorten(self.left_over, shown)}")
        return said


def variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Every weight of a model of layers with its name: "stem_conv/kernel", "stem_conv_bn/gamma"."""
    for layer in model.layers:
        for variable in layer.weights:
            yield f"{layer.name}/{variable.name}", variable


def load_weights(
    model: keras.Model,
    tensors: Mapping[str, np.ndarray],
    source: str,
    left_over: Iterable[str] = (),
    *,
    partial: bool = False,
) -> Report:
    """Give a network, or its backbone, the weights in `tensors`, by the names of `named_weights`.

    A stem for RGB is fitted to other bands by `inflate_stem`. A layer with a kernel in `tensors`
    and no bias gets a bias of zero, outputs apart. Heads for another number of classes are skipped.

    Args:
        model: The network.
        tensors: Weights by name.
        source: Where they come from, for people.
        left_over: Names of tensors that were there besides, for the report.
        partial: Whether weights may be missing; those of an option may in any case.

    Raises:
        ModelError: a tensor is missing or of another shape; the model is then unchanged.
    """
    own = {weight_name(weight): weight for weight in model.weights}
    given = {name: _fitted(name, tensors, tuple(own[name].shape)) for name in own}
    fitting = {name: value for name, value in given.items() if value is not None}
    missing = tuple(name for name in own if name not in fitting)
    if missing and not partial:
        raise ModelError(
            f"{source} has no weights for {_shorten(missing)}: it fits another network"
        )
    skipped = []
    for name, value in fitting.items():
        if value.shape == tuple(own[name].shape):
            continue
        if name.rpartition("/")[0] not in _OF_CLASSES:
            raise ModelError(
                f"{source} has {name} of shape {value.shape}, the network needs "
                f"{tuple(own[name].shape)}: it fits another network"
            )
        skipped.append(name)
    loaded = tuple(name for name in fitting if name not in skipped)
    for name in loaded:
        own[name].assign(fitting[name])
    others = tuple(name for name in tensors if name not in own)
    return Report(source, loaded, tuple(skipped), missing, (*left_over, *others))


def _fitted(
    name: str, tensors: Mapping[str, np.ndarray], shape: tuple[int, ...]
) -> np.ndarray | None:
    """The tensor for a weight of `shape`, or None; a stem for RGB is made to fit."""
    value = tensors.get(name)
    if value is None:
        layer, _, kind = name.rpartition("/")
        without_bias = kind == "bias" and f"{layer}/kernel" in tensors and layer not in _OF_CLASSES
        return np.zeros(shape, np.float32) if without_bias else None
    if name == _STEM and value.ndim == 4 and value.shape[2] == 3:
        return inflate_stem(value, shape[2])
    return value


def _layers(names: Iterable[str]) -> list[str]:
    """The layers of these weights, each once."""
    return list(dict.fromkeys(name.rpartition("/")[0] for name in names))


def _count(names: tuple[str, ...]) -> str:
    return f"{len(names)} weights of {len(_layers(names))} layers"


def _shorten(names: Iterable[str], shown: int | None = SHOWN) -> str:
    names = list(names)
    more = len(names) - (len(names) if shown is None else shown)
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
