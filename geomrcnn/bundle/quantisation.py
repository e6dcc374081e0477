"""What became of a network when it was brought to 8-bit integers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantisation:
    """How the int8 graph of a bundle was made, and how near it stays to the other.

    Attributes:
        images: Number of tiles that the ranges of the values were measured on.
        layers: Number of convolutions and matrix products.
        kept: How many of them compute in float32, because they would have harmed the result.
        agreement: From 0 to 1, how far the detections in some of these tiles are those of the
            float32 graph; see `geomrcnn.export.agreement`.
    """

    images: int
    layers: int
    kept: int
    agreement: float

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.layers - self.kept} of {self.layers} layers; calibrated on {self.images} "
            f"tiles; agreement with float32 {self.agreement:.3f}"
        )
