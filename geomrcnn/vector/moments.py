"""Length, middle and spread of any part of a line, each in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Vertices: TypeAlias = int | np.ndarray


@dataclass(frozen=True, eq=False)
class Moments:
    """Integrals along a line of n vertices, from its beginning up to each vertex.

    Attributes:
        origin: [2] point that positions are taken from, for the sake of precision.
        length: [n] of 1.
        first: [n, 2] of the position.
        second: [n, 2, 2] of the position times itself.
    """

    origin: np.ndarray
    length: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def along(cls, points: np.ndarray) -> Moments:
        """Of the line through points [n, 2]."""
        origin = points.mean(axis=0)
        a, b = points[:-1] - origin, points[1:] - origin
        length = np.hypot(*(b - a).T)
        outer = np.einsum("ki,kj->kij", a + b, a + b)
        outer += np.einsum("ki,kj->kij", a, a) + np.einsum("ki,kj->kij", b, b)
        return cls(
            origin,
            _summed(length),
            _summed(length[:, None] * (a + b) / 2),
            _summed(length[:, None, None] * outer / 6),
        )

    def at(self, vertices: slice | np.ndarray) -> Moments:
        """Up to some of the vertices only."""
        return Moments(
            self.origin, self.length[vertices], self.first[vertices], self.second[vertices]
        )

    def between(self, start: Vertices, end: Vertices) -> tuple[np.ndarray, ...]:
        """Length, middle and spread of the parts from vertices `start` to vertices `end`.

        Returns:
            Length [...]; mean position [..., 2]; and the integral [..., 2, 2] of the squared
            offset from it, whose product with a unit vector from both sides is the squared
            distance, integrated, from the best line with that normal.
        """
        length = self.length[end] - self.length[start]
        first = self.first[end] - self.first[start]
        middle = first / np.maximum(length, np.finfo(float).tiny)[..., None]
        second = self.second[end] - self.second[start]
        spread = second - first[..., :, None] * middle[..., None, :]
        return length, middle + self.origin, spread


def least_spread(spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The unit vector [..., 2] in which a spread [..., 2, 2] is least, and how much [...]."""
    values, vectors = np.linalg.eigh(spread)
    return vectors[..., 0], np.maximum(values[..., 0], 0)


def _summed(steps: np.ndarray) -> np.ndarray:
    """Running sums along the first axis, from zero."""
    return np.concatenate([np.zeros_like(steps[:1]), np.cumsum(steps, axis=0)])
