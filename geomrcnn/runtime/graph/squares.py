"""The arithmetic of Winograd's convolutions: of squares of inputs it makes squares of outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KERNEL = 3


@dataclass(frozen=True)
class Squares:
    """How squares of outputs are computed.

    Attributes:
        side: Of a square of outputs.
        points: Where polynomials are evaluated: 0, two pairs of ±x, and more, `side + 1` in all;
            infinity is the last. Which they are is a matter of rounding: of those that were tried,
            these add the least.
    """

    side: int
    points: tuple[float, ...]

    @property
    def reach(self) -> int:
        """Side of the square of inputs."""
        return self.side + KERNEL - 1

    def share(self, size: Sequence[int]) -> float:
        """The share of a plain convolution's products that maps [H, W] take."""
        covered = math.prod(-(-length // self.side) * self.reach for length in size)
        return covered / math.prod(KERNEL * length for length in size)

    @property
    def scales(self) -> np.ndarray:
        """What outputs are multiplied by in the end, [side]: powers of the last point."""
        return np.power(abs(self.points[-1]), np.arange(self.side))

    def matrices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Toom and Cook's A [side, reach], G [reach, 3] and B [reach, reach].

        A ((G g) · (B d)), times `scales`, is the convolution of as many values d as a square
        reaches with three of a kernel g. For the scales, the last weight in each row of A is 1 or
        -1, which spares as many products.
        """
        others = [[other for other in self.points if other != point] for point in self.points]
        inputs = [np.append(np.poly(each)[::-1], 0.0) for each in others]
        divisors = [
            np.prod(np.subtract(point, each))
            for point, each in zip(self.points, others, strict=True)
        ]
        outputs, kernels = (
            np.vstack([np.vander(points, count, increasing=True), np.eye(count)[-1]])
            for points, count in (
                (np.divide(self.points, abs(self.points[-1])), self.side),
                (self.points, KERNEL),
            )
        )
        return (
            outputs.T,
            kernels / np.append(divisors, self.scales[-1])[:, None],
            np.array([*inputs, np.poly(self.points)[::-1]]),
        )


FOUR = Squares(4, (0.0, 5 / 8, -5 / 8, 3 / 2, -3 / 2))
"""Off by 10⁻⁶ of the spread of results, twice what a plain convolution in float32 is. With the
usual points, 0, ±1 and ±2, it would be four times."""
FIVE = Squares(5, (0.0, 1 / 2, -1 / 2, 9 / 8, -9 / 8, 2.0))
"""Off by six times as much as a plain one. It fits the 14 × 14 cells of an RoI, for which it takes
a fourth less."""
BETTER = 0.8
"""Of the products of the more accurate one, for which the other is taken."""


def best_squares(size: Sequence[int]) -> Squares:
    """Those that maps of a size [H, W] are computed with."""
    return FIVE if FIVE.share(size) < BETTER * FOUR.share(size) else FOUR
