"""Seams: which detections of neighbouring tiles are one object, and what its outline is.

Tiles overlap, so near their edges every object is seen more than once, cut off in some tiles and
complete in others. Overlap of two boxes says little there: a field cut in half overlaps its
neighbour's box as much as its own other half. What two tiles must agree on is the strip both of
them saw. The rules, in order:

1. Cede. A piece cut by the edge of its tile which does not reach the middle of the overlap lies
   wholly within the neighbour, who sees it from further inside. It is dropped.
2. Link. Two detections of one class from different tiles are one object if their outlines, clipped
   to the zone both tiles see, agree with an intersection over union of at least one half; or if
   one is cut by its tile's edge and lies within the other there, as an arm does of an object that
   is all of a piece only in the other tile. Objects are the connected components.
3. Settle. If some member is not cut by any tile edge, the best such member is the object. Otherwise
   the members' soft masks are combined and contoured.
4. Clean up. Of two objects from different tiles which still lie mostly on one another, the complete
   one, then the better one, stays: small objects whose two outlines jitter past rule 2, and places
   where one tile saw one object and its neighbour several.

Every step depends on the set of detections alone, never on their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import STRtree

from geomrcnn.vector.canvas import combine, grid_around
from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Instance
from geomrcnn.vector.polygons import Polygonal

EDGE = 8.0
"""A box this near to the edge of its tile, in pixels, counts as cut by it ..."""

EDGE_SHARE = 0.1
"""... and so does one nearer than this share of its own extent. Networks place a cut edge the less
precisely the larger the object; and a complete object taken for a cut one loses little, while a
cut one taken for complete loses all that lies beyond."""

AGREEMENT = 0.5
"""Intersection over union, within the common zone, from which two outlines are one object."""

CONTAINED = 0.9
"""Share of a cut outline, within the common zone, that lies in the other one if it is its arm."""

ARM_WIDTH = 8.0
"""Least width of an arm, in pixels."""

COVERAGE = 0.5
"""Share of the smaller outline within the larger from which two objects are one."""


@dataclass(frozen=True, eq=False)
class Whole:
    """One object of the raster, after the seams are settled.

    Attributes:
        best: The member that stands for it: the best complete one, or the best.
        outline: Valid polygons in raster pixels.
        complete: Whether `best` is not cut by a tile edge, so that the outline is its own.
        members: Number of detections that are this object.
    """

    best: Instance
    outline: Polygonal
    complete: bool
    members: int

    @property
    def rank(self) -> tuple[object, ...]:
        """Sort key, best first: complete objects, then as instances."""
        return (not self.complete, *self.best.rank)


def merge(
    instances: Sequence[Instance], *, size: tuple[float, float], overlap: float
) -> list[Whole]:
    """Turn the detections of all tiles into objects.

    Args:
        instances: Of any tiles, in any order.
        size: (width, height) of the raster in pixels: its own edges are no seams.
        overlap: Least overlap of neighbouring tiles, in pixels.

    Returns:
        Objects in the order of their best member's tile and index.
    """
    staying = [one for one in instances if not _cedes(one, size, overlap)]
    staying.sort(key=lambda one: (one.tile, one.index))
    traced = [(one, outline(one.mask, one.box)) for one in staying]
    drawn = [(one, shape) for one, shape in traced if not shape.is_empty]
    members = [one for one, _ in drawn]
    outlines = [shape for _, shape in drawn]
    wholes = [
        _settle([members[k] for k in component], [outlines[k] for k in component], size)
        for component in _components(len(members), _links(members, outlines))
    ]
    kept = _clean_up([whole for whole in wholes if not whole.outline.is_empty])
    return sorted(kept, key=lambda whole: (whole.best.tile, whole.best.index))


def _cut_depths(instance: Instance, size: tuple[float, float]) -> list[float]:
    """How far a box reaches inwards from each seam that cuts it, in pixels; empty if none does."""
    box, window = instance.box, instance.window
    across, down = max(EDGE, EDGE_SHARE * box.width), max(EDGE, EDGE_SHARE * box.height)
    sides = (
        (window.x1 > 0, box.x1 - window.x1, across, box.x2 - window.x1),
        (window.y1 > 0, box.y1 - window.y1, down, box.y2 - window.y1),
        (window.x2 < size[0], window.x2 - box.x2, across, window.x2 - box.x1),
        (window.y2 < size[1], window.y2 - box.y2, down, window.y2 - box.y1),
    )
    return [depth for is_seam, gap, near, depth in sides if is_seam and gap <= near]


def _cedes(instance: Instance, size: tuple[float, float], overlap: float) -> bool:
    """Whether a neighbouring tile sees all of this piece, further from its own edge."""
    return any(depth < overlap / 2 for depth in _cut_depths(instance, size))


def _candidates(
    boxes: np.ndarray, tiles: Sequence[tuple[int, int]], classes: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs i < j of intersecting geometries, of one class, from different tiles."""
    first, second = STRtree(boxes).query(boxes, predicate="intersects")
    tile, kind = np.array(tiles), np.array(classes)
    wanted = (
        (first < second) & (kind[first] == kind[second]) & (tile[first] != tile[second]).any(axis=1)
    )
    return first[wanted], second[wanted]


def _links(members: Sequence[Instance], outlines: Sequence[Polygonal]) -> np.ndarray:
    """[L, 2] pairs of members that agree within the zone both their tiles see."""
    if not members:
        return np.empty((0, 2), int)
    shapes = np.array(outlines, dtype=object)
    first, second = _candidates(
        shapes, [one.tile for one in members], [one.class_id for one in members]
    )
    windows = np.array([one.window for one in members])
    ours, theirs = windows[first], windows[second]
    zones = shapely.box(
        *np.maximum(ours[:, :2], theirs[:, :2]).T, *np.minimum(ours[:, 2:], theirs[:, 2:]).T
    )
    one = shapely.intersection(shapes[first], zones)
    other = shapely.intersection(shapes[second], zones)
    shared = shapely.area(shapely.intersection(one, other))
    joined = shapely.area(one) + shapely.area(other) - shared
    agree = (shared > 0) & (
        (shared >= AGREEMENT * joined)
        | (_is_arm(one, ours, theirs) & (shared >= CONTAINED * shapely.area(one)))
        | (_is_arm(other, theirs, ours) & (shared >= CONTAINED * shapely.area(other)))
    )
    return np.stack([first[agree], second[agree]], axis=1)


def _is_arm(parts: np.ndarray, seen: np.ndarray, others: np.ndarray) -> np.ndarray:
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


def _components(count: int, links: np.ndarray) -> list[list[int]]:
    """Connected components of a graph, as lists of rising node numbers."""
    if count == 0:
        return []
    edges = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), (count, count))
    _, labels = connected_components(edges, directed=False)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for node, label in enumerate(labels):
        groups[int(label)].append(node)
    return list(groups.values())


def _settle(
    members: Sequence[Instance], outlines: Sequence[Polygonal], size: tuple[float, float]
) -> Whole:
    """One object from its connected members."""
    ranked = sorted(zip(members, outlines, strict=True), key=lambda pair: pair[0].rank)
    for member, shape in ranked:
        if not _cut_depths(member, size):
            return Whole(member, shape, complete=True, members=len(members))
    best, shape = ranked[0]
    if len(members) > 1:
        grid = grid_around([member.box for member in members])
        shape = outline(combine(members, grid), grid.box)
    return Whole(best, shape, complete=False, members=len(members))


def _clean_up(wholes: Sequence[Whole]) -> list[Whole]:
    """Keep the better of two objects, settled in different tiles, where one covers the other."""
    if not wholes:
        return []
    ranked = sorted(wholes, key=lambda whole: whole.rank)
    shapes = np.array([whole.outline for whole in ranked], dtype=object)
    better, worse = _candidates(
        shapes, [whole.best.tile for whole in ranked], [whole.best.class_id for whole in ranked]
    )
    area = shapely.area(shapes)
    shared = shapely.area(shapely.intersection(shapes[better], shapes[worse]))
    same = shared >= COVERAGE * np.minimum(area[better], area[worse])
    stays = np.ones(len(ranked), bool)
    for k in np.lexsort((worse[same], better[same])):
        if stays[better[same][k]]:
            stays[worse[same][k]] = False
    return [whole for whole, kept in zip(ranked, stays, strict=True) if kept]
