"""What the review knows of a polygon without looking at the layer again."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Verdict(IntEnum):
    """What the reviewer thinks of a polygon."""

    UNDECIDED = 0
    ACCEPTED = 1
    REJECTED = 2

    @property
    def value_in_layer(self) -> str | None:
        """What stands in the layer's column: nothing for undecided."""
        return self.name.lower() if self else None

    @classmethod
    def of(cls, value: object) -> Verdict:
        """The verdict that stands in a layer; a value nobody knows is no verdict."""
        return _BY_VALUE.get(value, cls.UNDECIDED) if isinstance(value, str) else cls.UNDECIDED


_BY_VALUE = {verdict.value_in_layer: verdict for verdict in Verdict if verdict}


class Entry(NamedTuple):
    """A polygon of the layer.

    Attributes:
        id: Of the feature.
        score: How sure the network was; None if nobody knows.
        place: Centre of its bounding box in the layer's CRS; None if it has no geometry.
        verdict: So far.
    """

    id: int
    score: float | None
    place: tuple[float, float] | None
    verdict: Verdict
