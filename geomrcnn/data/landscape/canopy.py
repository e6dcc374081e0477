"""Trees and shadows: crowns piled into a surface of heights, lit and shaded by one sun."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from geomrcnn.data.landscape.noise import FloatArray, NoiseBank
from geomrcnn.data.landscape.palette import CROWN_DARK, CROWN_LIGHT, SHADOW, mix, shifted, vector
from geomrcnn.data.landscape.plan import Crowns, Sun
from geomrcnn.data.landscape.spectra import CROWN_LEAVES, SHADE, Film

CHUNK = 4096


def pile(
    rng: np.random.Generator, crowns: Crowns, grain: FloatArray, gsd: float
) -> tuple[FloatArray, FloatArray]:
    """Crowns [N, (x, y, radius, height)] in metres as a surface.

    `grain` [H, W] is white noise; it frays the crowns' edges.

    Returns: heights [H, W] in metres, 0 where no tree stands; tint [H, W], one value a crown,
    of mean 0 and deviation 1.
    """
    surface = np.zeros(grain.size, np.int64)
    radii = crowns[:, 2] / gsd
    for reach in range(1, int(radii.max(initial=0.0)) + 2):
        chosen = np.flatnonzero(np.ceil(radii + 0.5).astype(int) == reach + 1)
        offset = np.arange(-reach, reach + 1)
        dy, dx = (axis.ravel() for axis in np.meshgrid(offset, offset, indexing="ij"))
        for start in range(0, len(chosen), CHUNK):
            part = chosen[start : start + CHUNK]
            _stack(surface, crowns[part], part, (dx, dy), grain, gsd)
    top = (surface >> 32).astype(np.float32) / 1000.0
    tints = rng.standard_normal(len(crowns) + 1).astype(np.float32)
    return top.reshape(grain.shape), tints[surface & 0xFFFFFFFF].reshape(grain.shape)


def _stack(
    surface: npt.NDArray[np.int64],
    crowns: Crowns,
    names: npt.NDArray[np.intp],
    offsets: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    grain: FloatArray,
    gsd: float,
) -> None:
    """Raise `surface` to the domes of some crowns; height and name share one sortable number."""
    x, y = crowns[:, 0] / gsd, crowns[:, 1] / gsd
    column = np.floor(x).astype(np.intp)[:, None] + offsets[0]
    row = np.floor(y).astype(np.intp)[:, None] + offsets[1]
    away = np.hypot(column + 0.5 - x[:, None], row + 0.5 - y[:, None])
    within = (row >= 0) & (row < grain.shape[0]) & (column >= 0) & (column < grain.shape[1])
    place = np.where(within, row * grain.shape[1] + column, 0)
    ratio = away / np.maximum(crowns[:, 2:3] / gsd, 0.6)
    ratio *= 1.0 + 0.13 * grain.ravel()[place]
    dome = crowns[:, 3:4] * (0.62 + 0.38 * np.sqrt(np.clip(1.0 - ratio**2, 0.0, 1.0)))
    seen = within & (ratio < 1.0)
    value = (dome * 1000.0).astype(np.int64) << 32 | (names[:, None] + 1)
    np.maximum.at(surface, place[seen], value[seen])


def shadows(heights: FloatArray, sun: Sun, gsd: float) -> FloatArray:
    """The share [H, W] of sunlight that each pixel's surface is denied, 0 to 1.

    Marches away from the sun a pixel at a time and asks how far above a place its blocker rises.
    """
    length = float(heights.max()) / sun.slope / gsd
    above = np.zeros_like(heights)
    for step in range(1, int(length) + 2):
        dx, dy = round(-sun.x * step), round(-sun.y * step)
        target, source = _shifted(heights.shape, dy, dx)
        drop = np.float32(step * gsd * sun.slope)
        np.maximum(above[target], heights[source] - drop, out=above[target])
    shade = np.clip((above - heights) / np.float32(1.2 + gsd), 0.0, 1.0)
    soft: FloatArray = ndimage.gaussian_filter(shade, 0.45)
    return soft


def _shifted(
    shape: tuple[int, ...], dy: int, dx: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Matching slices of two images when one is moved by (dy, dx)."""

    def pair(size: int, move: int) -> tuple[slice, slice]:
        reach = max(size - abs(move), 0)
        ahead, behind = max(move, 0), max(-move, 0)
        return slice(ahead, ahead + reach), slice(behind, behind + reach)

    rows, columns = pair(shape[0], dy), pair(shape[1], dx)
    return (rows[0], columns[0]), (rows[1], columns[1])


def paint_trees(
    rng: np.random.Generator,
    image: FloatArray,
    crowns: Crowns,
    buildings: FloatArray,
    sun: Sun,
    bank: NoiseBank,
    gsd: float,
    film: Film,
) -> FloatArray:
    """Put trees over `image` [H, W, bands] and cast the shadows of trees and `buildings` [H, W]."""
    height, width = buildings.shape
    tops, tint = pile(rng, crowns, bank.grain, gsd)
    shade = shadows(np.maximum(tops, buildings), sun, gsd)
    dimmed = 1.0 - vector(SHADOW + (SHADE,) * len(film.further))
    image = image - image * shade[..., None] * dimmed
    cover = (tops > 0).astype(np.float32)
    if gsd > 1.4:
        cover *= np.float32(0.9)
    dark, light = (
        shifted(rng, film.tone(tone, CROWN_LEAVES), 0.12) for tone in (CROWN_DARK, CROWN_LIGHT)
    )
    leafy = tops + cover * 0.5 * bank.patch(rng, bank.grain, (height, width))
    lit = _lit(leafy, sun, gsd)
    kind = 0.35 + 0.2 * tint + 0.14 * bank.sample(rng, (height, width), {200.0: 1.0, 32.0: 0.6})
    leaf = mix(np.clip(kind, -0.2, 1.1), light, dark)
    leaf *= (lit * (1.0 + 0.07 * bank.grain) * (1.0 - 0.36 * shade))[..., None]
    return image + cover[..., None] * (leaf - image)


def _lit(tops: FloatArray, sun: Sun, gsd: float) -> FloatArray:
    """How brightly the sun lights the crowns [H, W]: about 1, less on the far side."""
    smooth = ndimage.gaussian_filter(tops, 0.45)
    down, right = np.gradient(smooth, gsd)
    facing: FloatArray = -(right * np.float32(sun.x) + down * np.float32(sun.y))
    lambert: FloatArray = (facing + np.float32(sun.slope)) / np.sqrt(
        (1.0 + right**2 + down**2) * (1.0 + sun.slope**2)
    )
    flat = np.float32(sun.slope / np.hypot(1.0, sun.slope))
    lit: FloatArray = 0.55 + 0.5 * np.clip(lambert / flat, 0.0, 1.5)
    return lit
