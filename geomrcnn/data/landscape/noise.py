"""Smooth random fields: what makes soil, crops and light vary the way they do on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Wavelengths in metres, from a hillside down to a clump of plants.
OCTAVES = (500.0, 200.0, 80.0, 32.0, 13.0, 5.0)


def _spline_weights(length: int, spacing: float) -> FloatArray:
    """Cubic B-spline weights [length, knots] for knots `spacing` samples apart."""
    position = (np.arange(length) + 0.5) / spacing + 1.0
    cell = np.floor(position).astype(np.intp)
    t = position - cell
    knots = int(cell[-1]) + 3
    weights = np.zeros((length, knots), np.float32)
    rows = np.arange(length)
    basis = (
        (1 - t) ** 3,
        3 * t**3 - 6 * t**2 + 4,
        -3 * t**3 + 3 * t**2 + 3 * t + 1,
        t**3,
    )
    for shift, values in enumerate(basis):
        weights[rows, cell - 1 + shift] = values / 6
    return weights


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], wavelength: float) -> FloatArray:
    """A smooth random field [H, W] of mean 0 and deviation 1; `wavelength` is in pixels.

    Random knots half a wavelength apart, joined by cubic B-splines: two small matrix products.
    """
    rows = _spline_weights(shape[0], wavelength / 2)
    columns = _spline_weights(shape[1], wavelength / 2)
    knots = rng.standard_normal((rows.shape[1], columns.shape[1]), dtype=np.float32)
    field: FloatArray = (rows @ knots @ columns.T).astype(np.float32, copy=False)
    field -= field.mean()
    field /= max(float(field.std()), 1e-6)
    return field


@dataclass(frozen=True)
class NoiseBank:
    """One scene's noise, drawn once; every field looks at its own part of it.

    Attributes:
        octaves: wavelength in metres -> [H, W] field; wavelengths under two pixels are left out.
        grain: [H, W] white noise, the finest thing a pixel can show.
        relief: [H, W] the lie of the land: shared by all, so that hollows cross field edges.
    """

    octaves: dict[float, FloatArray]
    grain: FloatArray
    relief: FloatArray

    @classmethod
    def draw(cls, rng: np.random.Generator, shape: tuple[int, int], gsd: float) -> NoiseBank:
        """Draw the noise of a scene of `shape` pixels of `gsd` metres."""
        octaves = {
            metres: smooth_noise(rng, shape, metres / gsd)
            for metres in OCTAVES
            if metres >= 2 * gsd
        }
        grain = rng.standard_normal(shape, dtype=np.float32)
        relief = smooth_noise(rng, shape, 420.0 / gsd)
        relief += 0.35 * smooth_noise(rng, shape, 150.0 / gsd)
        relief += 0.08 * smooth_noise(rng, shape, 45.0 / gsd)
        return cls(octaves, grain, relief)

    def sample(
        self, rng: np.random.Generator, shape: tuple[int, int], amounts: dict[float, float]
    ) -> FloatArray:
        """A weighted sum of octaves [h, w], each read at a random place of the bank.

        `amounts` maps the wavelength in metres to its share; octaves the bank lacks are skipped.
        """
        total = np.zeros(shape, np.float32)
        for metres, amount in amounts.items():
            source = self.octaves.get(metres)
            if source is not None and amount:
                total += np.float32(amount) * self.patch(rng, source, shape)
        return total

    def patch(
        self, rng: np.random.Generator, source: FloatArray, shape: tuple[int, int]
    ) -> FloatArray:
        """A view of `shape` at a random place in `source`, mirrored at random."""
        row = int(rng.integers(0, source.shape[0] - shape[0] + 1))
        column = int(rng.integers(0, source.shape[1] - shape[1] + 1))
        down, right = (int(sign) for sign in rng.choice((-1, 1), 2))
        return source[row : row + shape[0], column : column + shape[1]][::down, ::right]
