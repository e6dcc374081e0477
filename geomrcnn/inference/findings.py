"""What became of one tile, as small as it can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geomrcnn.inference.validity import all_valid, coverage, integral
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from geomrcnn.vector.instance import Box, Instance

LEAST_VALID = 0.5
"""Share of a mask that must lie on data for the object to count."""


@dataclass(frozen=True, eq=False)
class Findings:
    """The objects of one tile, or why there are none.

    Attributes:
        skipped: Why the tile was not shown to the detector: "nodata" or "unreadable"; empty if it
            was.
        boxes: [N, (x1, y1, x2, y2)] float32, continuous pixels of the tile.
        scores: [N] float32 in [0, 1], falling.
        classes: [N] int32, 1..C.
        masks: [N, m, m] uint8: probabilities in steps of 1 / 255, zero on nodata.
    """

    skipped: str
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.scores)

    def on(self, cell: Cell) -> Iterator[Instance]:
        """The objects on the raster, for the tile of a place in the grid."""
        left, top, width, height = cell.window
        window = Box(left, top, left + width, top + height)
        for index, (x1, y1, x2, y2) in enumerate(self.boxes.tolist()):
            yield Instance(
                box=Box(x1 + left, y1 + top, x2 + left, y2 + top),
                score=float(self.scores[index]),
                class_id=int(self.classes[index]),
                mask=self.masks[index] / np.float32(255),
                tile=(cell.row, cell.column),
                window=window,
                index=index,
            )


def nothing(why: str) -> Findings:
    """The findings of a tile that is skipped."""
    return Findings(
        why,
        np.empty((0, 4), np.float32),
        np.empty(0, np.float32),
        np.empty(0, np.int32),
        np.empty((0, 1, 1), np.uint8),
    )


def keep(detections: Detections, tile: Tile, min_score: float) -> Findings:
    """What is kept of the detections in a tile.

    Args:
        detections: In pixels of the tile.
        tile: Where they were found.
        min_score: What scores less is left out; so is what lies mostly on nodata.
    """
    boxes = detections.boxes
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    chosen = np.flatnonzero((detections.scores >= min_score) & has_area)
    masks = detections.masks[chosen]
    if not tile.valid.all() and len(chosen):
        on_data = masks * _coverages(tile.valid, boxes[chosen], masks.shape[1:])
        enough = on_data.sum((1, 2)) >= LEAST_VALID * masks.sum((1, 2))
        chosen, masks = chosen[enough], on_data[enough]
    return Findings(
        "",
        boxes[chosen].astype(np.float32),
        detections.scores[chosen].astype(np.float32),
        detections.classes[chosen].astype(np.int32),
        np.rint(masks * 255).astype(np.uint8),
    )


def _coverages(valid: np.ndarray, boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """[N, rows, columns] share of valid area in the cells of each box."""
    table = integral(valid)
    shares = np.ones((len(boxes), *shape))
    for place in np.flatnonzero(~all_valid(table, boxes)):
        shares[place] = coverage(table, Box(*boxes[place].tolist()), shape)
    return shares
