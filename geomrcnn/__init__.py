"""Mask R-CNN for georeferenced imagery: imagery in, polygons out.

The names below are all a script needs. They are loaded on first use, so that importing this
package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geomrcnn.evaluation.polygons import evaluate
    from geomrcnn.inference.predict import predict
    from geomrcnn.raster.source import open_raster
    from geomrcnn.runtime import load_detector as load_model
    from geomrcnn.training.train import train

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate", "load_model", "open_raster", "predict", "train"]

_HOMES = {
    "evaluate": ("geomrcnn.evaluation.polygons", "evaluate"),
    "load_model": ("geomrcnn.runtime", "load_detector"),
    "open_raster": ("geomrcnn.raster.source", "open_raster"),
    "predict": ("geomrcnn.inference.predict", "predict"),
    "train": ("geomrcnn.training.train", "train"),
}


def __getattr__(name: str) -> Any:
    """Load a public name from the room it lives in.

    Raises:
        AttributeError: if there is no such name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module 'geomrcnn' has no attribute '{name}'")
    room, attribute = _HOMES[name]
    return getattr(import_module(room), attribute)


def __dir__() -> list[str]:
    """All public names, loaded or not."""
    return sorted({*globals(), *__all__})
