"""Fields of the configs of a run, from text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, get_type_hints

from geomrcnn.data.augmentation import Augmentation
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.fields import fits, type_name
from geomrcnn.training.config import TrainingConfig

_OF_DATA = ("classes", "bands")


class Settings(NamedTuple):
    """Values of some fields of `TrainingConfig`, `MaskRCNNConfig` and `Augmentation`."""

    training: dict[str, Any]
    network: dict[str, Any]
    augmentation: dict[str, Any]


def parse_settings(texts: Iterable[str]) -> Settings:
    """Settings from texts such as "weight_decay=0.0005" or "train_class_weights=[1, 2, 4]".

    Values are JSON; what is not is taken as a string.

    Raises:
        DataError: no config has such a field, or it takes other values.
    """
    hints = [get_type_hints(config) for config in (TrainingConfig, MaskRCNNConfig, Augmentation)]
    settings = Settings({}, {}, {})
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise DataError(f"'{text}' is no setting: write FIELD=VALUE")
        if name in _OF_DATA:
            raise DataError(f"{name} follow from the data: choose them there")
        for known, found in zip(hints, settings, strict=True):
            if name in known:
                found[name] = _parsed(name, value, known[name])
                break
        else:
            raise DataError(
                f"no field of the training, the network or the augmentation is called '{name}'"
            )
    return settings


def _parsed(name: str, text: str, hint: Any) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, list):
        value = tuple(value)
    if not fits(value, hint):
        raise DataError(f"{name} takes a value of type {type_name(hint)}, not {text}")
    return value
