"""Ways to make objects of the detections of overlapping tiles: ours, and those of other tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from shapely import Polygon, STRtree

from geomrcnn.raster.grid import TileGrid
from geomrcnn.raster.tile import Tile
from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box, Instance
from geomrcnn.vector.merge import Merger
from tests.oracles.detector import OracleDetector

Rule = Callable[[Sequence[Instance], TileGrid], list[Polygon]]
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]


def see(detector: OracleDetector, grid: TileGrid) -> list[Instance]:
    """What a detector that needs no pixels finds in all tiles of a grid."""
    seen = []
    nothing = np.empty((0, 0, 3), np.uint8)
    for row, column, window in grid:
        left, top, width, height = window
        frame = Box(left, top, left + width, top + height)
        (found,) = detector.detect([Tile(row, column, window, nothing, nothing[..., 0])])
        for k, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            box = Box(x1 + left, y1 + top, x2 + left, y2 + top)
            if box.width > 0 and box.height > 0:
                seen.append(
                    Instance(box, float(found.scores[k]), int(found.classes[k]), found.masks[k],
                             (row, column), frame, k)
                )  # fmt: skip
    return seen


def agreement_graph(seen: Sequence[Instance], grid: TileGrid) -> list[Polygon]:
    """Ours, row by row as in a run."""
    merger, found = Merger((grid.width, grid.height), grid.overlap), []
    for row in range(grid.rows):
        of_row = [one for one in seen if one.tile[0] == row]
        found += [whole.outline for whole in merger.add(of_row, grid.top(row + 1))]
    return found


def iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of shapes, pair by pair."""
    shared = shapely.area(shapely.intersection(one, other))
    return shared / (shapely.area(one) + shapely.area(other) - shared)


def smaller_share(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over the smaller of two shapes, pair by pair."""
    shared = shapely.area(shapely.intersection(one, other))
    return shared / np.minimum(shapely.area(one), shapely.area(other))


def box_suppression(seen: Sequence[Instance], grid: TileGrid) -> list[Polygon]:
    """Of boxes with an IoU above 0.3, the best stays."""
    return _suppress(seen, boxes(seen), iou, 0.3)


def mask_suppression(seen: Sequence[Instance], grid: TileGrid) -> list[Polygon]:
    """Of outlines that share more than half of the smaller one, the best stays."""
    return _suppress(seen, outlines(seen), smaller_share, 0.5)


def greedy_merging(seen: Sequence[Instance], grid: TileGrid) -> list[Polygon]:
    """Outlines whose boxes share more than half of the smaller one are united, best first."""
    return _suppress(seen, boxes(seen), smaller_share, 0.5, unite=True)


def centre_in_core(seen: Sequence[Instance], grid: TileGrid) -> list[Polygon]:
    """A tile owns what has its centre between the middles of its overlaps."""
    shapes = outlines(seen)
    centres = shapely.get_coordinates(shapely.centroid(shapes))
    rows, columns = np.array([one.tile for one in seen]).T
    return list(
        shapes[
            _owns(centres[:, 0], columns, grid.column_starts, grid.tile)
            & _owns(centres[:, 1], rows, grid.row_starts, grid.tile)
        ]
    )


RULES: dict[str, Rule] = {
    "agreement graph (ours)": agreement_graph,
    "box suppression, IoU 0.3": box_suppression,
    "mask suppression, smaller share 0.5": mask_suppression,
    "greedy merging, smaller share 0.5": greedy_merging,
    "centre in core": centre_in_core,
}


def false_merges(truth: Sequence[Polygon], found: Sequence[Polygon]) -> int:
    """Number of results that cover more than half of two objects or more."""
    shapes, results = np.array(truth, object), np.array(found, object)
    object_, result = STRtree(shapes).query(results, predicate="intersects")[::-1]
    shared = shapely.area(shapely.intersection(shapes[object_], results[result]))
    covered = result[shared > 0.5 * shapely.area(shapes[object_])]
    return int((np.bincount(covered, minlength=1) > 1).sum())


def boxes(seen: Sequence[Instance]) -> np.ndarray:
    """Boxes as shapes."""
    return shapely.box(*np.array([one.box for one in seen]).T)


def outlines(seen: Sequence[Instance]) -> np.ndarray:
    """Outlines as shapes."""
    return np.array([outline(one.mask, one.box) for one in seen], dtype=object)


def _owns(centres: np.ndarray, places: np.ndarray, starts: Sequence[int], tile: int) -> np.ndarray:
    begins = np.array(starts)
    middles = (begins[1:] + begins[:-1] + tile) / 2
    low, high = np.append(-np.inf, middles)[places], np.append(middles, np.inf)[places]
    return (low <= centres) & (centres < high)


def _suppress(
    seen: Sequence[Instance],
    compared: np.ndarray,
    measure: Measure,
    threshold: float,
    *,
    unite: bool = False,
) -> list[Polygon]:
    """Best first, each takes out those that resemble it."""
    order = sorted(range(len(seen)), key=lambda k: seen[k].rank)
    compared, shapes = compared[order], outlines([seen[k] for k in order])
    better, worse = STRtree(compared).query(compared, predicate="intersects")
    pairs = better < worse
    better, worse = better[pairs], worse[pairs]
    alike = measure(compared[better], compared[worse]) > threshold
    gone = np.zeros(len(seen), bool)
    groups: dict[int, list[int]] = {k: [k] for k in range(len(seen))}
    for k in np.lexsort((worse[alike], better[alike])):
        one, other = int(better[alike][k]), int(worse[alike][k])
        if not gone[one] and not gone[other]:
            gone[other] = True
            groups[one].append(other)
    stay = np.flatnonzero(~gone)
    return [shapely.union_all(shapes[groups[k]]) if unite else shapes[k] for k in stay]
