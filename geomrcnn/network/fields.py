"""Values of JSON as the fields of a frozen dataclass, whose types they must have."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from geomrcnn.errors import ModelError

SHORT = 40
"""Characters of a value that a message shows."""


def fields_from(kind: type, values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Values for the fields of a dataclass, lists as tuples.

    Args:
        kind: The dataclass.
        values: By the names of fields; those with a default may be missing.
        what: What the values make up, for messages.

    Raises:
        ModelError: naming a field that is unknown, missing, or of another type.
    """
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        has_default = field.default is not field.default_factory  # else both are missing
        if field.name not in values and not has_default:
            raise ModelError(f"{what}: has no '{field.name}'")
    found = {}
    for name, value in values.items():
        if name not in hints:
            raise ModelError(f"{what}: unknown field '{name}'")
        found[name] = _frozen(value)
        if not fits(found[name], hints[name]):
            shown = repr(value) if len(repr(value)) <= SHORT else f"{repr(value)[:SHORT]} ..."
            raise ModelError(f"{what}: '{name}' takes {type_name(hints[name])}, not {shown}")
    return found


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of an annotation of tuples, dicts, unions and plain types."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        wanted = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        return len(value) == len(wanted) and all(map(fits, value, wanted))
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, parts[1]) for one in value.values())
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def type_name(hint: Any) -> str:
    """An annotation in a message."""
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
