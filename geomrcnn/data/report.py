"""What was found in labels, and what had to be mended or left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from geomrcnn.data.dataset import Dataset, Instance

SMALLEST = 1.0
"""Area in pixels below which a label is too tiny to be an object."""


@dataclass(frozen=True)
class LabelReport:
    """What was read, and what was wrong with it.

    Attributes:
        images: Images.
        instances: Instances kept, crowds included.
        crowds: Instances marked as crowd.
        repaired: Outlines that crossed themselves and were made valid.
        dropped: Labels without any area.
        tiny: Labels smaller than a pixel, left out.
    """

    images: int
    instances: int
    crowds: int = 0
    repaired: int = 0
    dropped: int = 0
    tiny: int = 0

    def __str__(self) -> str:
        """The counts in words."""
        crowds = f" ({self.crowds} of them crowds)" if self.crowds else ""
        tiny = f", {self.tiny} smaller than a pixel left out" if self.tiny else ""
        return (
            f"{self.images} images, {self.instances} objects{crowds}, {self.repaired} outlines "
            f"repaired, {self.dropped} without area dropped{tiny}"
        )


class ReportingDataset(Dataset, Protocol):
    """A dataset that says what it found."""

    @property
    def report(self) -> LabelReport:
        """Counts of what was kept, mended and left out."""


class Tally:
    """Counts labels while they are read."""

    def __init__(self) -> None:
        self._repaired = self._dropped = self._tiny = 0

    def keeps(self, area: float, repaired: bool) -> bool:
        """Whether a label of this `area`, in pixels, is an object; counts it either way."""
        self._repaired += repaired
        self._dropped += area <= 0
        self._tiny += 0 < area < SMALLEST
        return area >= SMALLEST

    def report(self, images: int, kept: list[Instance]) -> LabelReport:
        """The counts, for so many images and these instances."""
        return LabelReport(
            images=images,
            instances=len(kept),
            crowds=sum(instance.crowd for instance in kept),
            repaired=self._repaired,
            dropped=self._dropped,
            tiny=self._tiny,
        )
