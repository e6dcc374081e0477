"""How well two outlines agree, where IoU, which looks at areas, no longer tells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely


def iou(ours: np.ndarray, theirs: np.ndarray) -> npt.NDArray[np.float64]:
    """[N] intersection over union of [N] polygons each, one by one."""
    shared = shapely.area(shapely.intersection(ours, theirs))
    return np.asarray(shared / (shapely.area(ours) + shapely.area(theirs) - shared), np.float64)


def boundary_iou(ours: np.ndarray, theirs: np.ndarray, band: float) -> npt.NDArray[np.float64]:
    """Intersection over union of the strips along the inside of two outlines.

    Cheng et al. 2021, "Boundary IoU", equation 1, on polygons in place of pixels.

    Args:
        ours: [N] valid polygons.
        theirs: [N] others to compare with, one by one.
        band: Width of the strips, in the polygons' unit.

    Returns:
        [N] in [0, 1]; plain IoU for shapes that are nowhere wider than two strips.
    """
    strips = [shapely.difference(shape, shapely.buffer(shape, -band)) for shape in (ours, theirs)]
    return iou(*strips)


def polis(ours: np.ndarray, theirs: np.ndarray) -> npt.NDArray[np.float64]:
    """Mean distance between the corners of each outline and the other outline.

    Avbelj et al. 2015, "A metric for polygon comparison and building extraction evaluation",
    equation 1; corners of holes count as those of the outside do.

    Args:
        ours: [N] polygons.
        theirs: [N] others to compare with, one by one.

    Returns:
        [N], in the polygons' unit.
    """
    return np.array(
        [(_one_way(a, b) + _one_way(b, a)) / 2 for a, b in zip(ours, theirs, strict=True)]
    )


def _one_way(shape: shapely.Geometry, other: shapely.Geometry) -> float:
    """Mean distance from the corners of a polygon to the outline of another."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    corners = np.concatenate([shapely.get_coordinates(ring)[:-1] for ring in rings])
    return float(shapely.distance(shapely.points(corners), shapely.boundary(other)).mean())
