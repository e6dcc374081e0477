"""From the ground to the file: light, haze, the camera's blur and noise, the compression."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from geomrcnn.data.landscape import palette
from geomrcnn.data.landscape.noise import FloatArray, smooth_noise


def expose(rng: np.random.Generator, image: FloatArray, gsd: float, packed: bool) -> FloatArray:
    """The picture [H, W, bands] a survey camera brings back of colours `image` [H, W, bands].

    `packed` pictures may have been compressed. Red, green and blue do not depend on how many bands
    follow them.
    """
    image = image * _light(rng, (image.shape[0], image.shape[1]), gsd)[..., None]
    image = _develop(rng, image)
    sigma = rng.uniform(0.35, 0.58)
    image = ndimage.gaussian_filter(image, (sigma, sigma, 0.0))
    if rng.random() < 0.75:
        soft = ndimage.gaussian_filter(image, (1.0, 1.0, 0.0))
        image += np.float32(rng.uniform(0.3, 1.2)) * (image - soft)
    noise = rng.standard_normal(image.shape[:2], dtype=np.float32) * np.float32(rng.uniform(0.6, 3))
    image += noise[..., None]
    (more,) = rng.spawn(1)
    colours = rng.standard_normal((*image.shape[:2], 3), dtype=np.float32)
    further = more.standard_normal((*image.shape[:2], image.shape[2] - 3), dtype=np.float32)
    image += np.concatenate([colours, further], axis=2) * np.float32(rng.uniform(0.4, 1.2))
    if packed and rng.random() < 0.5:
        image = compress(image, float(rng.uniform(3.0, 12.0)))
    return image


def _light(rng: np.random.Generator, shape: tuple[int, int], gsd: float) -> FloatArray:
    """Brightness [H, W] about 1: vignetting, thin clouds, the seams of a mosaic."""
    y = np.linspace(-1.0, 1.0, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, shape[1], dtype=np.float32)[None]
    tilt = rng.normal(0.0, 0.02, 2).astype(np.float32)
    light: FloatArray = 1.0 + tilt[0] * x + tilt[1] * y
    light -= np.float32(rng.uniform(0.0, 0.05)) * (x**2 + y**2)
    light *= 1.0 + np.float32(rng.uniform(0.0, 0.03)) * smooth_noise(rng, shape, 600.0 / gsd)
    if rng.random() < 0.35:
        heading, at = rng.uniform(0.0, 2 * np.pi), rng.uniform(-0.7, 0.7)
        turn = rng.choice((0.0, np.pi / 2)) + rng.normal(0.0, 0.05)
        heading = heading if rng.random() < 0.3 else turn
        side = x * np.float32(np.cos(heading)) + y * np.float32(np.sin(heading)) - np.float32(at)
        beyond = side > 0
        if rng.random() < 0.4:
            beyond &= side < rng.uniform(0.03, 0.3)
        light[beyond] *= np.float32(rng.lognormal(0.0, 0.09))
    return light


def _develop(rng: np.random.Generator, image: FloatArray) -> FloatArray:
    """Haze, contrast and the colour balance of one flight; of further bands the gain only.

    Haze scatters short waves.
    """
    exposure = rng.lognormal(0.0, 0.06)
    gain = exposure * np.array([rng.lognormal(-0.02, 0.06), 1.0, rng.lognormal(-0.01, 0.05)])
    colours = image[..., :3] * gain.astype(np.float32)
    middle = palette.vector((105.0, 115.0, 92.0))
    colours = middle + float(rng.uniform(0.85, 1.12)) * (colours - middle)
    haze = palette.vector((170.0, 178.0, 180.0))
    colours += float(rng.uniform(0.0, 0.12)) * (haze - colours)
    return np.concatenate([colours, image[..., 3:] * np.float32(exposure)], axis=2)


def compress(image: FloatArray, step: float) -> FloatArray:
    """Round the 8 x 8 cosine transform of [H, W, bands] as a JPEG encoder does.

    Waves are rounded to half of `step` where they are long, to three times it where short.
    """
    height, width, bands = image.shape
    padded = np.pad(image, ((0, -height % 8), (0, -width % 8), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = padded.reshape(rows, 8, columns, 8, bands)
    waves = fft.dctn(blocks, axes=(1, 3), norm="ortho")
    order = np.add.outer(np.arange(8), np.arange(8)).astype(np.float32)
    coarse = np.maximum(step * (0.5 + order / 5.0), 1.0)[None, :, None, :, None]
    rounded = np.rint(waves / coarse) * coarse
    restored: FloatArray = fft.idctn(rounded.astype(np.float32), axes=(1, 3), norm="ortho")
    return restored.reshape(padded.shape)[:height, :width]
