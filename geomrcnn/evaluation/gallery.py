"""The images a model does best and worst on, with what it found drawn over them."""

from __future__ import annotations

import base64
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from geomrcnn.data.dataset import Dataset
from geomrcnn.data.resample import Frame, resample
from geomrcnn.evaluation.confusion import ImageScore, image_scores
from geomrcnn.evaluation.evaluation import Evaluation
from geomrcnn.formats.style import Colour
from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box
from geomrcnn.visualize.images import to_rgb
from geomrcnn.visualize.outlines import overlay

SIDE = 640
"""Pixels of a picture's longer side."""

LARGEST_ZOOM = 4

QUALITY = 85
"""Of the JPEG: ten pictures should not make a report that no mail takes."""

COLOURS: dict[str, Colour] = {
    "label, found": (0, 224, 255),
    "label, missed": (255, 140, 26),
    "right": (255, 240, 60),
    "wrong": (255, 60, 170),
    "crowd, not counted": (200, 200, 200),
}
"""Red, green, blue of what is drawn, and its name in the legend."""


class Picture(NamedTuple):
    """A picture for a report.

    Attributes:
        caption: One line.
        uri: The picture as a data URI.
    """

    caption: str
    uri: str


def best_and_worst(
    evaluation: Evaluation, dataset: Dataset, min_score: float, count: int = 4
) -> tuple[list[Picture], list[Picture]]:
    """Pictures of the images with the best and of those with the worst F1.

    Images with no object, and none found, are left out. No image is in both lists.

    Args:
        evaluation: Of `dataset`.
        dataset: Where the pixels come from.
        min_score: Detections that score less are not drawn, nor counted.
        count: Pictures in each list at most.
    """
    shown = [
        one for one in image_scores(evaluation, min_score) if one.right + one.wrong + one.missed
    ]
    ranked = sorted(shown, key=lambda one: (one.f1, -one.wrong - one.missed, one.right))
    worst = ranked[: min(count, (len(ranked) + 1) // 2)]
    best = ranked[len(worst) :][-count:][::-1]
    pictures = [
        [
            Picture(_caption(one), _jpeg_uri(draw(evaluation, dataset, one.image, min_score)))
            for one in some
        ]
        for some in (best, worst)
    ]
    return pictures[0], pictures[1]


def draw(
    evaluation: Evaluation, dataset: Dataset, image: int, min_score: float
) -> npt.NDArray[np.uint8]:
    """An image with the outlines of what is there and of what was found, in `COLOURS`.

    Args:
        evaluation: Of `dataset`.
        dataset: Where the pixels come from.
        image: Which of its images.
        min_score: Detections that score less are not drawn.

    Returns:
        [H, W, 3], the longer side `SIDE` pixels, or less where that would be a zoom of more than
        `LARGEST_ZOOM`.
    """
    sample = dataset.sample(image)
    height, width = sample.image.shape[:2]
    zoom = min(SIDE / max(height, width), LARGEST_ZOOM)
    valid = np.ones((height, width), bool) if sample.valid is None else sample.valid
    pixels = sample.image[..., _shown_bands(dataset.pixel_type(image).bands)]
    rows, columns = round(height * zoom), round(width * zoom)
    picture = resample(to_rgb(pixels, valid), Frame(0, 0, width, height), rows, columns)
    outlines = {
        name: np.array([shapely.transform(line, lambda xy: xy * zoom) for line in lines], object)
        for name, lines in _outlines(evaluation, image, min_score).items()
    }
    return overlay(picture, outlines, COLOURS, 2.0)


def _caption(one: ImageScore) -> str:
    return f"{one.name}: F1 {one.f1:.2f}, {one.right} right, {one.wrong} wrong, {one.missed} missed"


def _outlines(
    evaluation: Evaluation, image: int, min_score: float
) -> dict[str, list[shapely.Geometry]]:
    """Boundaries in pixels of the image, by what to call them."""
    lines: dict[str, list[shapely.Geometry]] = {name: [] for name in COLOURS}
    missed = evaluation.missed(min_score)
    for row in np.flatnonzero(evaluation.labelled.image == image):
        instance = evaluation.truth[image].instances[evaluation.labelled.place[row]]
        name = "label, missed" if missed[row] else "label, found"
        lines["crowd, not counted" if instance.crowd else name].append(instance.geometry.boundary)
    found, matches = evaluation.detections[image], evaluation.matches
    kept = (evaluation.detected.image == image) & (evaluation.comparison.scores >= min_score)
    for row in np.flatnonzero(kept & matches.counted):
        place = evaluation.detected.place[row]
        box = Box(*(float(side) for side in found.boxes[place]))
        shape = outline(found.masks[place], box)
        lines["right" if matches.right[row] else "wrong"].append(shape.boundary)
    return lines


def _shown_bands(names: tuple[str, ...]) -> list[int]:
    """Places of red, green and blue; of the first three bands if they are not all there."""
    if {"red", "green", "blue"} <= set(names):
        return [names.index(name) for name in ("red", "green", "blue")]
    return [0, 1, 2] if len(names) >= 3 else [0]


def _jpeg_uri(picture: npt.NDArray[np.uint8]) -> str:
    height, width, bands = picture.shape
    profile = {"driver": "JPEG", "height": height, "width": width, "count": bands, "dtype": "uint8"}
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.Env(GDAL_PAM_ENABLED=False), memory.open(**profile, QUALITY=QUALITY) as file:
            file.write(np.moveaxis(picture, -1, 0))
        return "data:image/jpeg;base64," + base64.b64encode(memory.read()).decode()
