"""A fixture: recorded arrays, what they were made with, and the weights, made anew."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Fixture:
    """An .npz file of outputs with the .json beside it and the recipe.py of its folder."""

    path: Path

    @cached_property
    def recorded(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        with np.load(self.path) as arrays:
            return dict(arrays)

    @cached_property
    def made_with(self) -> dict[str, Any]:
        """What the .json says."""
        values: dict[str, Any] = json.loads(self.path.with_suffix(".json").read_text())
        return values

    @property
    def is_matterport(self) -> bool:
        """Whether matterport's code made it; otherwise torchvision's."""
        return "config" in self.made_with

    def weights(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every weight by the name it has in the reference's own file, in its order."""
        recipe, seed = _module(self.path.with_name("recipe.py")), self.made_with["seed"]
        for weight in self.made_with["weights"]:
            shape = tuple(weight["shape"])
            if self.is_matterport:
                name = f"{weight['layer']}/{weight['weight']}"
                yield name, recipe.matterport_value(seed, name, shape)
            else:
                yield weight["name"], recipe.torchvision_value(seed, weight["name"], shape)

    def masks(self, name: str) -> np.ndarray:
        """Packed masks, as bool of the shape recorded with them."""
        shape = self.recorded[f"{name}_shape"]
        bits = np.unpackbits(self.recorded[name], count=int(np.prod(shape)))
        return bits.reshape(shape).astype(bool)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
