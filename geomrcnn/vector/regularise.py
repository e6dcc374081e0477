"""Outlines of things that people made: right angles, circles, shapes of a class.

The recipe is the common one of building footprints: find the directions of the outline, fit what
the shape allows, and leave alone what does not fit. What is never traded is the contract: a fit is
taken only if it is valid and nowhere further from the outline than the tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import shapely
from shapely import MultiPolygon, Polygon

from geomrcnn.vector.polygons import Polygonal
from geomrcnn.vector.straight import Directions, straighten
from geomrcnn.vector.templates import circle, rectangle, wedge

LEAST_IOU = 0.8
"""Intersection over union with the outline that a fit must reach: small objects can change a lot
within a tolerance."""

REGULARISED = "regularised"
KEPT = "kept"

Fit = Callable[[Sequence[Polygon], float], Sequence[Polygon | None]]
"""Fits of the rings of one polygon, shell first, given a tolerance; None where there is none."""


class Regularised(NamedTuple):
    """An outline, and what became of it.

    Attributes:
        polygon: Valid, in pixels.
        status: "regularised", or "kept" if no fit was good enough and this is what was given.
    """

    polygon: Polygonal
    status: str


def _each(template: Callable[[Polygon, float], Polygon | None]) -> Fit:
    """A template fitted to each ring by itself."""
    return lambda rings, tolerance: [template(ring, tolerance) for ring in rings]


SHAPES: dict[str, Fit] = {
    "right-angles": partial(straighten, directions=Directions(2)),
    "right-angles-45": partial(straighten, directions=Directions(4)),
    "any-angle": partial(straighten, directions=Directions(2, free=True)),
    "circle": _each(circle),
    "rectangle": _each(rectangle),
    "wedge": _each(wedge),
}
"""What outlines can be made into."""


def regularise(polygon: Polygonal, shape: str, tolerance: float) -> Regularised:
    """Give an outline the shape that it nearly has.

    Args:
        polygon: Valid, in pixels, as it was traced rather than simplified: every vertex helps.
        shape: A key of `SHAPES`. With "right-angles", edges run along two directions at a right
            angle; with "right-angles-45", also halfway between; with "any-angle", along their own
            where neither fits. "circle", "rectangle" and "wedge" are one shape for each ring.
        tolerance: Pixels that the outline may move: every point of the result lies within it of
            the outline given, and the other way round.

    Returns:
        The fit, if it keeps the tolerance, is valid, and covers what it was made from with an IoU
        of 0.8; else the polygon as it was given. Holes get the same shape, or stay as they are if
        that fails; of several parts all must succeed. The same input gives the same output.

    Raises:
        KeyError: for a shape that is not in `SHAPES`.
        ValueError: for a tolerance that is not positive.
    """
    fit = SHAPES[shape]
    if not tolerance > 0:
        raise ValueError(f"a tolerance of {tolerance:g} pixels leaves nothing to fit")
    parts = [] if polygon.is_empty else shapely.get_parts(polygon)
    fitted = [new for part in parts if (new := _fit_part(part, fit, tolerance)) is not None]
    if not fitted or len(fitted) < len(parts):
        return Regularised(polygon, KEPT)
    whole = fitted[0] if len(fitted) == 1 else MultiPolygon(fitted)
    good = whole.is_valid and _iou(whole, polygon) >= LEAST_IOU
    return Regularised(whole, REGULARISED) if good else Regularised(polygon, KEPT)


def _fit_part(polygon: Polygon, fit: Fit, tolerance: float) -> Polygon | None:
    """The fit of a polygon with its holes; None if its shell has none."""
    rings = [Polygon(ring) for ring in (polygon.exterior, *polygon.interiors)]
    shell, *holes = (
        fitted if fitted is not None and _holds(fitted, ring, tolerance) else None
        for fitted, ring in zip(fit(rings, tolerance), rings, strict=True)
    )
    if shell is None:
        return None
    kept = [new or old for new, old in zip(holes, rings[1:], strict=True)]
    return Polygon(shell.exterior, [hole.exterior for hole in kept])


def _holds(fitted: Polygon, ring: Polygon, tolerance: float) -> bool:
    """Whether a fit keeps the contract with the ring it was made from."""
    if not fitted.is_valid or fitted.is_empty or _iou(fitted, ring) < LEAST_IOU:
        return False
    before, after = ring.exterior, fitted.exterior
    return bool(before.buffer(tolerance).covers(after) and after.buffer(tolerance).covers(before))


def _iou(one: Polygonal, other: Polygonal) -> float:
    shared = one.intersection(other).area
    return float(shared / (one.area + other.area - shared))
