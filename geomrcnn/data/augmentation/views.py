"""Where a view looks: place, scale, mirror, turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import shapely

from geomrcnn.data.augmentation.config import Augmentation
from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.data.resample import Frame, resample
from geomrcnn.vector.polygons import polygonal

Coordinates = npt.NDArray[np.float64]


def random_view(
    sample: Sample, tile: int, augmentation: Augmentation, rng: np.random.Generator
) -> Sample:
    """Zoom by a random factor (log-uniform) and look at a random place, perhaps turned.

    An image smaller than the view lands somewhere in it, with zeros around. Views that are not
    turned start on whole pixels, so that at scale 1 the pixels stay as sharp as they are.
    """
    low, high = np.log(augmentation.scale)
    side = tile / np.exp(rng.uniform(low, high))
    # Any angle is one of these after quarter turns.
    angle = math.radians(rng.uniform(-45, 45)) if rng.random() < augmentation.turned else 0.0
    reach = side * _widening(angle)
    spare = np.array(sample.image.shape[1::-1]) - reach
    x, y = np.sign(spare) * rng.uniform(0, np.abs(spare))
    if not angle:
        return crop(sample, Frame(np.trunc(x), np.trunc(y), side, side), tile, augmentation)
    margin = (reach - side) / 2
    return turn(sample, Frame(x + margin, y + margin, side, side), angle, tile, augmentation)


def crop(sample: Sample, frame: Frame, tile: int, augmentation: Augmentation) -> Sample:
    """What a square `frame` shows of a sample, at tile × tile pixels.

    Polygons are clipped to the view; `augmentation` says which remains still count as objects.
    """
    scale = tile / frame.width
    moved = _move(sample, lambda xy: (xy - [frame.x, frame.y]) * scale)
    image = resample(sample.image, frame, tile, tile)
    return Sample(image, _clipped(moved, tile, augmentation), _crop_validity(sample, frame, tile))


def turn(
    sample: Sample, frame: Frame, angle: float, tile: int, augmentation: Augmentation
) -> Sample:
    """What a square `frame` shows once it is turned about its centre; as `crop` otherwise.

    Pixels are brought to the wanted size first, by area as in `crop`, and turned then (bilinear),
    so that a coarser view has no moiré.

    Args:
        sample: Any.
        frame: The square before the turn.
        angle: Radians that take x towards y.
        tile: Side of the view in pixels.
        augmentation: Says which remains still count as objects.
    """
    pixel = frame.width / tile
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = np.array([frame.x, frame.y]) + frame.width / 2
    moved = _move(sample, lambda xy: (xy - centre) @ turned / pixel + tile / 2)
    wide = math.ceil(tile * _widening(angle)) + 2
    x, y = centre - wide * pixel / 2
    around = crop(
        replace(sample, instances=()), Frame(x, y, wide * pixel, wide * pixel), wide, augmentation
    )
    # From the centre of a pixel of the view to that of one of the wide square.
    offset = wide / 2 - 0.5 + turned @ np.full(2, 0.5 - tile / 2)
    matrix = np.column_stack([turned, offset])
    valid = np.ones((wide, wide), bool) if around.valid is None else around.valid
    share = _warp(valid.astype(np.float32)[..., None], matrix, tile)
    image = _warp(around.image.astype(np.float32), matrix, tile)
    seen = share[..., 0] >= 0.5
    image = np.where(seen[..., None], image / np.maximum(share, 0.5), 0)
    return Sample(
        like(image, sample.image.dtype), _clipped(moved, tile, augmentation), _if_any(seen)
    )


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


def like(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Values as `dtype`, integers rounded and kept in its range."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(values), limits.min, limits.max), dtype)


def _widening(angle: float) -> float:
    """Side of the upright square around a turned one, over the side of that."""
    return abs(math.cos(angle)) + abs(math.sin(angle))


def _warp(image: np.ndarray, matrix: np.ndarray, tile: int) -> np.ndarray:
    """[tile, tile, bands]: `matrix` takes its pixels to those of the image; 0 beyond."""
    # OpenCV takes four bands at most.
    parts = [
        cv2.warpAffine(image[..., k : k + 4], matrix, (tile, tile),
                       flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP).reshape(tile, tile, -1)
        for k in range(0, image.shape[2], 4)
    ]  # fmt: skip
    return np.concatenate(parts, axis=2)


def _if_any(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    return None if valid.all() else valid


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


def _clipped(
    instances: Iterable[Instance], tile: int, augmentation: Augmentation
) -> tuple[Instance, ...]:
    """What a view of tile × tile pixels shows of instances."""
    clipped = (_clip(instance, tile, augmentation) for instance in instances)
    return tuple(seen for seen in clipped if seen is not None)


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
