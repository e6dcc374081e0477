"""Our own weights by name: what a bundle keeps."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from geomrcnn.errors import ModelError


def named_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Every weight of a network by its path, such as "fpn/lateral2/kernel"."""
    return {weight_name(weight): np.asarray(weight) for weight in model.weights}


def assign_weights(model: keras.Model, values: Mapping[str, np.ndarray], source: str) -> None:
    """Give a network the weights `named_weights` took from one of the same config.

    Raises:
        ModelError: a weight is missing or of another shape; nothing is changed then.
    """
    for weight in model.weights:
        value = values.get(weight_name(weight))
        if value is None:
            raise ModelError(f"{source}: has no weight '{weight_name(weight)}'")
        if value.shape != tuple(weight.shape):
            raise ModelError(
                f"{source}: '{weight_name(weight)}' has the shape {value.shape}, "
                f"the network wants {tuple(weight.shape)}"
            )
    for weight in model.weights:
        weight.assign(values[weight_name(weight)])


def weight_name(weight: keras.Variable) -> str:
    """The path of a weight in a network, such as "fpn/lateral2/kernel"."""
    path: str = weight.path
    return path.removeprefix("mask_rcnn/")
