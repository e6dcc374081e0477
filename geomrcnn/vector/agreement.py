"""What two tiles say of the same ground: which of their detections agree, and which conflict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree

from geomrcnn.vector.cuts import EDGE
from geomrcnn.vector.instance import Traced

CONTAINED = 0.9
"""Share of a cut outline, within the common zone, that lies in the other one if it is its arm."""

ARM_WIDTH = 8.0
"""Least width of an arm, in pixels."""

CONFLICT = 0.25
"""Share of the smaller of two outlines within the other from which they may be one object twice."""


class Pairs(NamedTuple):
    """Pairs of detections, [P, 2] indices.

    Attributes:
        links: They are one object.
        conflicts: They lie on one another; whether both objects can stay is judged when all of
            both is known. Links are among them.
    """

    links: npt.NDArray[np.intp]
    conflicts: npt.NDArray[np.intp]


def no_pairs() -> Pairs:
    """What is known before anything was compared."""
    return Pairs(np.empty((0, 2), np.intp), np.empty((0, 2), np.intp))


def compare(seen: Sequence[Traced], first_new: int, agreement: float) -> Pairs:
    """Compare detections of one class where they touch; those of one tile are never linked.

    Args:
        seen: Detections.
        first_new: Those before this one have been compared with one another.
        agreement: Intersection over union within the common zone from which two are one object.

    Returns:
        Pairs of indices into `seen`, of which at least one is new.
    """
    if len(seen) == first_new:
        return no_pairs()
    first, second = _candidates(seen, first_new)
    shapes = np.array([one.outline for one in seen], dtype=object)
    windows = np.array([one.instance.window for one in seen]).reshape(-1, 4)
    ours, theirs = windows[first], windows[second]
    zones = shapely.box(
        *np.maximum(ours[:, :2], theirs[:, :2]).T, *np.minimum(ours[:, 2:], theirs[:, 2:]).T
    )
    one, other = _clipped(shapes[first], zones), _clipped(shapes[second], zones)
    tile = np.array([one.instance.tile for one in seen]).reshape(-1, 2)
    apart = (tile[first] != tile[second]).any(axis=1)
    area, area_one, area_other = (shapely.area(some) for some in (shapes, one, other))
    # Beyond the common zone the two cannot meet: what they share lies within it.
    conflict = CONFLICT * np.minimum(area[first], area[second])
    link = np.minimum(
        agreement * np.maximum(area_one, area_other), CONTAINED * np.minimum(area_one, area_other)
    )
    shared = _shared(one, other, np.where(apart, np.minimum(conflict, link), conflict))
    joined = area_one + area_other - shared
    linked = (apart & (shared > 0)) & (
        (shared >= agreement * joined)
        | (_is_arm(one, ours, theirs) & (shared >= CONTAINED * area_one))
        | (_is_arm(other, theirs, ours) & (shared >= CONTAINED * area_other))
    )
    conflicting = linked | (shared > conflict)
    pairs = np.stack([first, second], axis=1)
    return Pairs(pairs[linked], pairs[conflicting])


def _candidates(
    seen: Sequence[Traced], first_new: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of intersecting outlines of one class, the second one new."""
    shapes = [one.outline for one in seen]
    new, any_one = STRtree(shapes).query(shapes[first_new:], predicate="intersects")
    second, first = np.asarray(new + first_new, np.intp), np.asarray(any_one, np.intp)
    kind = np.array([one.instance.class_id for one in seen])
    wanted = (first < second) & (kind[first] == kind[second])
    return first[wanted], second[wanted]


def _clipped(shapes: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """Shapes within their zones, which are boxes; most lie there already."""
    inner, outer = shapely.bounds(shapes), shapely.bounds(zones)
    beyond = (inner[:, :2] < outer[:, :2]).any(1) | (inner[:, 2:] > outer[:, 2:]).any(1)
    clipped = shapes.copy()
    clipped[beyond] = shapely.intersection(shapes[beyond], zones[beyond])
    return clipped


def _shared(one: np.ndarray, other: np.ndarray, least: np.ndarray) -> npt.NDArray[np.float64]:
    """Areas that shapes have in common, where that can be as much as matters; else 0.

    Boxes have more in common than the shapes in them, and take no time to compare.
    """
    ours, theirs = shapely.bounds(one), shapely.bounds(other)
    sides = np.minimum(ours[:, 2:], theirs[:, 2:]) - np.maximum(ours[:, :2], theirs[:, :2])
    enough = np.clip(sides, 0, None).prod(axis=1) >= least
    shared = np.zeros(len(one))
    shared[enough] = shapely.area(shapely.intersection(one[enough], other[enough]))
    return shared


def _is_arm(parts: np.ndarray, seen: np.ndarray, others: np.ndarray) -> npt.NDArray[np.bool_]:
    """Whether parts are cut by an edge of their own tile that lies within the other tile.

    Slivers are not: where outlines of neighbours overlap a little, one lies within the other.

    Args:
        parts: [P] outlines clipped to the zone of both tiles.
        seen: [P, (x1, y1, x2, y2)] windows of their own tiles.
        others: [P, (x1, y1, x2, y2)] windows of the other tiles.

    Returns:
        [P] bool.
    """
    bounds = shapely.bounds(parts)
    low = (seen[:, :2] > others[:, :2]) & (bounds[:, :2] - seen[:, :2] <= EDGE)
    high = (seen[:, 2:] < others[:, 2:]) & (seen[:, 2:] - bounds[:, 2:] <= EDGE)
    # The area of a strip over half its perimeter is its width, nearly.
    wide = shapely.area(parts) >= ARM_WIDTH * shapely.length(parts) / 2
    return np.asarray((low | high).any(axis=1) & wide)
