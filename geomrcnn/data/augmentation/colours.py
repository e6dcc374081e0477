"""The light of a view, and what air, lens, sensor and file format do to it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from geomrcnn.data.augmentation.config import Augmentation
from geomrcnn.data.augmentation.views import like
from geomrcnn.data.dataset import Sample
from geomrcnn.data.statistics import BYTES, ValueRange


def jitter_colours(
    sample: Sample,
    augmentation: Augmentation,
    rng: np.random.Generator,
    values: ValueRange = BYTES,
) -> Sample:
    """Change gamma, colours, contrast and brightness; sometimes haze, blur, JPEG artefacts.

    Args:
        sample: With any bands of any real dtype.
        augmentation: How far to stray.
        rng: Decides.
        values: From black to full brightness, for each band or for all alike; that of the data
            set, for the same change must mean the same in every image. Values beyond it change
            in keeping with those within.

    Returns:
        The sample changed. Integers stay within their dtype; pixels that are not valid stay 0.
    """
    image = sample.image
    seen = np.ones(image.shape[:2], bool) if sample.valid is None else sample.valid
    low, span = values.low_and_span()
    exponent = np.float32(np.exp(rng.uniform(-1, 1) * np.log1p(augmentation.gamma)))
    shares = (image.astype(np.float32) - low) / span * seen[..., None]
    shares = np.copysign(np.abs(shares) ** exponent, shares)
    shares = shares @ _colour_matrix(image.shape[2], augmentation, rng)
    mean = float(shares.mean()) / max(float(seen.mean()), 1e-6)
    contrast = rng.uniform(1 - augmentation.contrast, 1 + augmentation.contrast)
    brightness = rng.uniform(-1, 1) * augmentation.brightness
    shares = shares * np.float32(contrast) + np.float32((1 - contrast) * mean + brightness)
    if rng.random() < augmentation.haze:
        shares = _veiled(shares, rng)
    if rng.random() < augmentation.blur:
        sigma = rng.uniform(0.3, 1.0)
        for axis in (0, 1):
            shares = gaussian_filter1d(shares, sigma, axis=axis, mode="nearest", truncate=3)
    if augmentation.noise > 0:
        strength = np.float32(rng.uniform(0, augmentation.noise))
        shares += rng.standard_normal(shares.shape, np.float32) * strength
    jittered = like((shares * span + low) * seen[..., None], image.dtype)
    if rng.random() < augmentation.jpeg:
        jittered = _compressed(jittered, rng) * seen[..., None]
    return replace(sample, image=jittered)


def _colour_matrix(
    bands: int, augmentation: Augmentation, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """[bands, bands] that a pixel is multiplied by: each band's gain, then saturation."""
    gain = rng.uniform(1 - augmentation.gain, 1 + augmentation.gain, bands)
    saturation = rng.uniform(1 - augmentation.saturation, 1 + augmentation.saturation)
    grey = np.full((bands, bands), 1 / bands)
    mix = grey + saturation * (np.eye(bands) - grey)
    matrix: npt.NDArray[np.float32] = (gain[:, None] * mix).astype(np.float32)
    return matrix


def _veiled(shares: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Brightness as shares of the range [H, W, bands], seen through haze of uneven density."""
    height, width = shares.shape[:2]
    corners = rng.uniform(0, 0.4, (3, 3)).astype(np.float32)
    density = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    light = np.float32(rng.uniform(0.7, 1.0))
    return shares + density * (light - shares)


def _compressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image after a lossy JPEG of random quality; other than bytes as it is."""
    quality = int(rng.integers(30, 96))
    if image.dtype != np.uint8 or image.shape[2] not in (1, 3):
        return image
    # OpenCV takes blue for the first band.
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    return seen.reshape(image.shape)[..., ::-1]
