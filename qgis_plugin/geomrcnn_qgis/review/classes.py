"""Which class has which key."""

from __future__ import annotations

from collections.abc import Iterable

KEYS = 9
"""Classes that can be chosen with a single key, 1 to 9."""


def listed(kept: Iterable[str], found: Iterable[str]) -> list[str]:
    """The classes in the order of their keys: those kept, then others found, by name."""
    first = list(dict.fromkeys(kept))
    return first + sorted(set(found).difference(first))


def typed(text: str) -> list[str]:
    """Read a list with one class a line; the first of equals counts."""
    names = (line.strip() for line in text.splitlines())
    return list(dict.fromkeys(name for name in names if name))
