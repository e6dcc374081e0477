"""What a data set holds, measured, and what follows for the network: sizes, crowding, anchors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geomrcnn.data.anchors import Anchors, best_overlap, recall, suggest
from geomrcnn.data.dataset import Dataset
from geomrcnn.data.statistics import BandStatistics, common_pixel_type, measure
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig

SMALL = 8.0
"""Side in pixels below which a network with strides from 4 on sees too little of an object."""

COMFORTABLE = 24.0
"""Side in pixels that nine of ten objects should have: six cells of the finest level."""

WIDEST_MASK_CELL = 4.0
"""Pixels of the image a mask cell may cover before outlines waver."""

WORTH_IT = 0.02
"""Recall, summed over both IoUs, that other anchors must gain to be suggested."""

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
ENOUGH_IMAGES = 256
"""Images that anchors are suggested from."""


@dataclass(frozen=True, eq=False)
class ObjectTable:
    """All whole objects of a data set: N of them, crowds left out.

    Attributes:
        boxes: [N, (x1, y1, x2, y2)] in pixels of their image.
        areas: [N] square pixels of the outlines.
        class_ids: [N].
        images: [N] number of the image.
        sides: [images, (height, width)] in pixels.
        gsds: [images] metres a pixel, NaN where unknown.
        crowds: Number of crowds.
    """

    boxes: npt.NDArray[np.float64]
    areas: npt.NDArray[np.float64]
    class_ids: npt.NDArray[np.int64]
    images: npt.NDArray[np.int64]
    sides: npt.NDArray[np.int64]
    gsds: npt.NDArray[np.float64]
    crowds: int


def read_objects(
    dataset: Dataset,
    indices: Sequence[int] | None = None,
    on_image: Callable[[int, int], None] = lambda done, total: None,
) -> ObjectTable:
    """Look at images, by default all of them, one at a time.

    Raises:
        GeomrcnnError: an image cannot be read.
    """
    chosen = range(len(dataset)) if indices is None else indices
    boxes, areas, ids, images, sides, gsds = [], [], [], [], [], []
    crowds = 0
    for place, index in enumerate(chosen):
        sample, gsd = dataset.sample(index), dataset.gsd(index)
        sides.append(sample.image.shape[:2])
        gsds.append(np.nan if gsd is None else gsd)
        whole = [instance for instance in sample.instances if not instance.crowd]
        crowds += len(sample.instances) - len(whole)
        boxes += [instance.box for instance in whole]
        areas += [instance.geometry.area for instance in whole]
        ids += [instance.class_id for instance in whole]
        images += [place] * len(whole)
        on_image(place + 1, len(chosen))
    return ObjectTable(
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(areas, np.float64),
        np.array(ids, np.int64),
        np.array(images, np.int64),
        np.array(sides, np.int64).reshape(-1, 2),
        np.array(gsds, np.float64),
        crowds,
    )


def suggested_anchors(dataset: Dataset, seed: int = 0) -> dict[str, tuple[float, ...]]:
    """Fields of `MaskRCNNConfig` for the anchors that suit a data set.

    They are fitted to the objects of up to `ENOUGH_IMAGES` images, drawn by `seed`.

    Raises:
        DataError: there is no object in them.
        GeomrcnnError: an image cannot be read.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(dataset), min(len(dataset), ENOUGH_IMAGES), replace=False)
    objects = read_objects(dataset, sorted(int(index) for index in chosen))
    if not len(objects.boxes):
        raise DataError("there is no whole object in the data to fit anchors to")
    return suggest(objects.boxes)._asdict()


@dataclass(frozen=True)
class Inspection:
    """What was measured. Lengths are in pixels, except where they are said to be in metres.

    Attributes:
        images: Number of images.
        negatives: Images without any whole object.
        objects: Number of whole objects per class.
        crowds: Number of crowds.
        gsd: Median metres a pixel; None if unknown.
        side: Quantiles 0.1, 0.25, 0.5, 0.75, 0.9 of the square root of an object's area.
        side_metres: The same in metres; None without a GSD.
        area_metres: Quantiles of an object's area in square metres; None without a GSD.
        smallest: Side of the smallest object.
        largest: Side of the largest object.
        small: Share of objects less than `SMALL` pixels a side.
        tile: Side of the tile that objects were counted in.
        a_tile: Median, 0.95 quantile and maximum of the objects in a tile.
        pixels: What the pixels are, in words.
        bands: Of each band name, mean, deviation, and where outliers begin below and above.
        preset: The preset that was compared with.
        preset_recall: Recall of its anchors at IoU 0.5 and 0.7.
        anchors: Anchors that suit the objects.
        anchor_recall: Recall of those.
        suggestions: Fields of the network worth changing, with their values.
        suggested_gsd: Metres a pixel, the coarsest that still shows nine of ten objects well; None
            without a GSD.
        warnings: What may go wrong, in words.
    """

    images: int
    negatives: int
    objects: dict[str, int]
    crowds: int
    gsd: float | None
    side: tuple[float, ...]
    side_metres: tuple[float, ...] | None
    area_metres: tuple[float, ...] | None
    smallest: float
    largest: float
    small: float
    tile: int
    a_tile: tuple[int, int, int]
    pixels: str
    bands: dict[str, tuple[float, float, float, float]]
    preset: str
    preset_recall: tuple[float, ...]
    anchors: Anchors
    anchor_recall: tuple[float, ...]
    suggestions: dict[str, Any]
    suggested_gsd: float | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**dataclasses.asdict(self), "anchors": self.anchors._asdict()}


IOUS = (0.5, 0.7)


def inspect(dataset: Dataset, objects: ObjectTable, tile: int, preset: str) -> Inspection:
    """Measure a data set.

    Args:
        dataset: For its bands; up to 64 images are read again.
        objects: As `read_objects` found them.
        tile: Side in pixels of the tiles it is to be trained on.
        preset: Name of the network to compare with.

    Raises:
        DataError: there is no whole object, or the images are of different kinds.
        ModelError: there is no such preset.
    """
    if not len(objects.boxes):
        raise DataError("there is no whole object in the data to measure")
    config = MaskRCNNConfig.preset(preset)
    sides = np.sqrt(objects.areas)
    gsds = objects.gsds[objects.images]
    metric = bool(np.isfinite(gsds).all())
    counts = np.bincount(objects.class_ids, minlength=len(dataset.classes) + 1)[1:]
    anchors = suggest(objects.boxes)
    known = Anchors(config.anchor_sizes, config.anchor_ratios)
    crowding = objects_in_tiles(objects, tile)
    pixels, statistics = common_pixel_type(dataset), measure(dataset)
    gsd = float(np.nanmedian(objects.gsds)) if np.isfinite(objects.gsds).any() else None
    measured = Inspection(
        images=len(objects.sides),
        negatives=len(objects.sides) - len(np.unique(objects.images)),
        objects=dict(zip(dataset.classes, map(int, counts), strict=True)),
        crowds=objects.crowds,
        gsd=gsd,
        side=_quantiles(sides),
        side_metres=_quantiles(sides * gsds) if metric else None,
        area_metres=_quantiles(objects.areas * gsds**2) if metric else None,
        smallest=float(sides.min()),
        largest=float(sides.max()),
        small=float((sides < SMALL).mean()),
        tile=tile,
        a_tile=(
            int(np.median(crowding)),
            int(np.quantile(crowding, 0.95)),
            int(crowding.max()),
        ),
        pixels=str(pixels),
        bands=_bands(pixels.bands, statistics),
        preset=preset,
        preset_recall=recall(best_overlap(objects.boxes, known), IOUS),
        anchors=anchors,
        anchor_recall=recall(best_overlap(objects.boxes, anchors), IOUS),
        suggestions={},
        suggested_gsd=None,
        warnings=(),
    )
    return dataclasses.replace(
        measured,
        suggestions=_suggestions(measured, config),
        suggested_gsd=_suggested_gsd(measured),
        warnings=tuple(_warnings(measured, config)),
    )


def objects_in_tiles(objects: ObjectTable, tile: int) -> npt.NDArray[np.int64]:
    """Number of objects in each tile that the images are divided into, by the boxes' centres."""
    columns, rows = -(-objects.sides[:, ::-1].T // tile)
    first = np.concatenate([[0], np.cumsum(columns * rows)])
    centres = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2
    column, row = (centres // tile).astype(np.int64).T
    image = objects.images
    cells = first[image] + row * columns[image] + column
    return np.bincount(cells, minlength=int(first[-1]))


def _quantiles(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in np.quantile(values, QUANTILES))


def _bands(
    names: Sequence[str], statistics: BandStatistics
) -> dict[str, tuple[float, float, float, float]]:
    return dict(zip(names, zip(*statistics, strict=True), strict=True))


def _suggested_gsd(measured: Inspection) -> float | None:
    if measured.gsd is None:
        return None
    return float(f"{measured.gsd * measured.side[0] / COMFORTABLE:.2g}")


def _suggestions(measured: Inspection, config: MaskRCNNConfig) -> dict[str, Any]:
    """Fields whose values in the preset do not suit the objects."""
    fields: dict[str, Any] = {}
    if sum(measured.anchor_recall) - sum(measured.preset_recall) > WORTH_IT:
        fields |= measured.anchors._asdict()
    if measured.side[3] > WIDEST_MASK_CELL * config.mask_size:
        fields["mask_size"] = 2 * config.mask_size
    if measured.a_tile[2] > config.detections:
        fields["detections"] = -(-measured.a_tile[2] * 5 // 4 // 100) * 100
    return fields


def _warnings(measured: Inspection, config: MaskRCNNConfig) -> list[str]:
    """What may go wrong."""
    said = []
    if measured.small > 0.05:
        said.append(
            f"{measured.small:.0%} of the objects are less than {SMALL:g} pixels a side: they are "
            "hardly seen; train at a finer GSD if the imagery has it"
        )
    if measured.a_tile[2] > config.detections:
        said.append(
            f"a tile holds up to {measured.a_tile[2]} objects, and the network reports at most "
            f"{config.detections}"
        )
    if measured.side[4] > measured.tile / 2:
        said.append(
            f"one in ten objects is wider than half a tile of {measured.tile} pixels: a coarser "
            "GSD or larger tiles would show them whole"
        )
    rare = [name for name, number in measured.objects.items() if number < 20]
    if rare:
        said.append(f"fewer than 20 objects of {', '.join(rare)}: too few to learn or to measure")
    if measured.gsd is None:
        said.append("the ground sample distance of the images is unknown")
    return said
