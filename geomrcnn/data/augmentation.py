"""Random views of a sample: scale and crop, mirror, turn, colour.

Every function is pure: sample and random generator in, sample out. Polygons are moved exactly
(shapely), never redrawn from pixels, and pixels are half-pixel exact, so outlines stay on objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.ndimage import gaussian_filter1d

from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.data.resample import Frame, resample
from geomrcnn.data.statistics import BYTES, ValueRange
from geomrcnn.vector.polygons import polygonal

Coordinates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """How far random views may stray. Ranges are (low, high).

    Attributes:
        scale: Zoom relative to the image's own pixels; above 1 objects grow.
        flips: Whether to mirror and turn by quarters: overhead imagery has no up.
        min_visible: Share of an object (of the view, where the object is larger) that a crop
            must show for it to count as one; objects that show less become crowd (ignored), for
            they are neither object nor background.
        min_side: Box side in pixels below which an object becomes crowd, too.
        brightness: Added, as a share of the value range, drawn from ± this.
        contrast: Factor about the mean is drawn from 1 ± this.
        saturation: Factor about the grey value is drawn from 1 ± this.
        gain: Factor of each band on its own is drawn from 1 ± this.
        gamma: Exponent is drawn from 1 / (1 + this) to 1 + this.
        blur: Probability of a slight Gaussian blur, sigma up to 1 pixel.
        noise: Largest standard deviation of Gaussian noise, as a share of the value range.
    """

    scale: tuple[float, float] = (0.6, 1.6)
    flips: bool = True
    min_visible: float = 0.2
    min_side: float = 4.0
    brightness: float = 0.1
    contrast: float = 0.2
    saturation: float = 0.2
    gain: float = 0.08
    gamma: float = 0.2
    blur: float = 0.1
    noise: float = 0.01


def augment(
    sample: Sample,
    tile: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
    values: ValueRange = BYTES,
) -> Sample:
    """One random view of `sample`, tile × tile pixels; `values` as for `jitter_colours`."""
    view = random_scale_crop(sample, tile, augmentation, rng)
    if augmentation.flips:
        if rng.random() < 0.5:
            view = flip(view)
        view = quarter_turns(view, int(rng.integers(4)))
    return jitter_colours(view, augmentation, rng, values)


def random_scale_crop(
    sample: Sample, tile: int, augmentation: Augmentation, rng: np.random.Generator
) -> Sample:
    """Zoom by a random factor (log-uniform) and look at a random place.

    An image smaller than the view lands somewhere in it, with zeros around. Views start on
    whole pixels, so that at scale 1 the pixels stay as sharp as they are.
    """
    low, high = np.log(augmentation.scale)
    side = tile / np.exp(rng.uniform(low, high))
    spare = np.array(sample.image.shape[1::-1]) - side
    x, y = np.trunc(np.sign(spare) * rng.uniform(0, np.abs(spare)))
    return crop(sample, Frame(x, y, side, side), tile, augmentation)


def crop(sample: Sample, frame: Frame, tile: int, augmentation: Augmentation) -> Sample:
    """What a square `frame` shows of a sample, at tile × tile pixels.

    Polygons are clipped to the view; `augmentation` says which remains still count as objects.
    """
    scale = tile / frame.width
    moved = _move(sample, lambda xy: (xy - [frame.x, frame.y]) * scale)
    instances = tuple(
        seen for instance in moved if (seen := _clip(instance, tile, augmentation)) is not None
    )
    image = resample(sample.image, frame, tile, tile)
    return Sample(image, instances, _crop_validity(sample, frame, tile))


def flip(sample: Sample) -> Sample:
    """Mirror left and right: x becomes W - x."""
    width = sample.image.shape[1]
    instances = _move(sample, lambda xy: np.column_stack([width - xy[:, 0], xy[:, 1]]))
    return _rearranged(sample, np.fliplr, instances)


def quarter_turns(sample: Sample, turns: int) -> Sample:
    """Turn anticlockwise by `turns` right angles: each takes (x, y) to (y, W - x)."""
    turns %= 4
    height, width = sample.image.shape[:2]
    formulas: tuple[Callable[[Coordinates], Coordinates], ...] = (
        lambda xy: xy,
        lambda xy: np.column_stack([xy[:, 1], width - xy[:, 0]]),
        lambda xy: np.column_stack([width - xy[:, 0], height - xy[:, 1]]),
        lambda xy: np.column_stack([height - xy[:, 1], xy[:, 0]]),
    )
    instances = _move(sample, formulas[turns])
    return _rearranged(sample, lambda pixels: np.rot90(pixels, turns), instances)


def jitter_colours(
    sample: Sample,
    augmentation: Augmentation,
    rng: np.random.Generator,
    values: ValueRange = BYTES,
) -> Sample:
    """Change gamma, colour balance, saturation, contrast and brightness; sometimes blur.

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
    if rng.random() < augmentation.blur:
        sigma = rng.uniform(0.3, 1.0)
        for axis in (0, 1):
            shares = gaussian_filter1d(shares, sigma, axis=axis, mode="nearest", truncate=3)
    if augmentation.noise > 0:
        strength = np.float32(rng.uniform(0, augmentation.noise))
        shares += rng.standard_normal(shares.shape, np.float32) * strength
    jittered = _like((shares * span + low) * seen[..., None], image.dtype)
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


def _like(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Values as `dtype`, integers rounded and kept in its range."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(values), limits.min, limits.max), dtype)


def _crop_validity(sample: Sample, frame: Frame, tile: int) -> npt.NDArray[np.bool_] | None:
    """Where a view shows data: for the larger part, where a pixel shows both."""
    height, width = sample.image.shape[:2]
    right, bottom = frame.x + frame.width, frame.y + frame.height
    inside = frame.x >= 0 and frame.y >= 0 and right <= width and bottom <= height
    if sample.valid is None and inside:
        return None
    valid = np.ones((height, width), bool) if sample.valid is None else sample.valid
    share = resample(valid[..., None].astype(np.float32), frame, tile, tile)
    return share[..., 0] >= 0.5


def _rearranged(
    sample: Sample,
    order: Callable[[np.ndarray], np.ndarray],
    instances: tuple[Instance, ...],
) -> Sample:
    """The sample with its pixels in another order, and these instances."""
    valid = None if sample.valid is None else np.ascontiguousarray(order(sample.valid))
    return Sample(np.ascontiguousarray(order(sample.image)), instances, valid)


def _move(sample: Sample, formula: Callable[[Coordinates], Coordinates]) -> tuple[Instance, ...]:
    """The instances with `formula` applied to all coordinates [N, (x, y)] at once."""
    if not sample.instances:
        return ()
    geometries = shapely.transform([i.geometry for i in sample.instances], formula)
    return tuple(
        Instance(geometry, i.class_id, i.crowd)
        for geometry, i in zip(geometries, sample.instances, strict=True)
    )


def _clip(instance: Instance, tile: int, augmentation: Augmentation) -> Instance | None:
    """What a view of tile × tile pixels shows of an instance; None if nothing."""
    x1, y1, x2, y2 = instance.box
    if x2 <= 0 or y2 <= 0 or x1 >= tile or y1 >= tile:
        return None
    inside = x1 >= 0 and y1 >= 0 and x2 <= tile and y2 <= tile
    whole = instance.geometry
    view = shapely.box(0, 0, tile, tile)
    seen = whole if inside else polygonal(shapely.intersection(whole, view))
    if seen.is_empty:
        return None
    x1, y1, x2, y2 = seen.bounds
    small = min(x2 - x1, y2 - y1) < augmentation.min_side
    hidden = seen.area < augmentation.min_visible * min(whole.area, tile * tile)
    return Instance(seen, instance.class_id, instance.crowd or small or hidden)
