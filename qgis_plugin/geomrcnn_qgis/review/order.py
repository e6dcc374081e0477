"""In which order polygons are reviewed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from .entry import Entry

CELLS = 1 << 16
"""Cells along a side of the square that the curve runs through."""


class Order(Enum):
    """The ways to go through a layer."""

    LOWEST_SCORE = "lowest score"
    HIGHEST_SCORE = "highest score"
    PLACE = "place"


def arranged(entries: Iterable[Entry], order: Order) -> list[Entry]:
    """The entries in an order; those that lack what it goes by come last, by their ids."""
    if order is Order.PLACE:
        return by_place(entries)
    return by_score(entries, highest_first=order is Order.HIGHEST_SCORE)


def by_score(entries: Iterable[Entry], *, highest_first: bool = False) -> list[Entry]:
    """By score, and by id among equals."""
    sign = -1.0 if highest_first else 1.0
    return sorted(entries, key=lambda e: (e.score is None, sign * (e.score or 0.0), e.id))


def by_place(entries: Iterable[Entry]) -> list[Entry]:
    """Along a Hilbert curve through the square around all, so that neighbours stay together."""
    entries = list(entries)
    places = [entry.place for entry in entries if entry.place is not None]
    left, low = (min((place[axis] for place in places), default=0.0) for axis in (0, 1))
    right, high = (max((place[axis] for place in places), default=0.0) for axis in (0, 1))
    scale = (CELLS - 1) / (max(right - left, high - low) or 1.0)

    def key(entry: Entry) -> tuple[bool, int, int]:
        if entry.place is None:
            return True, 0, entry.id
        x, y = entry.place
        return False, along_curve(int((x - left) * scale), int((y - low) * scale)), entry.id

    return sorted(entries, key=key)


def along_curve(column: int, row: int) -> int:
    """How far along the Hilbert curve a cell lies, both counted from 0 to `CELLS` - 1."""
    distance, half = 0, CELLS // 2
    while half:
        right, upper = bool(column & half), bool(row & half)
        distance = 4 * distance + (3 * right ^ upper)
        if not upper:
            # The two lower quarters are turned, so that each begins where the last one ended.
            if right:
                column, row = CELLS - 1 - column, CELLS - 1 - row
            column, row = row, column
        half //= 2
    return distance
