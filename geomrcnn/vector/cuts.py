"""Which objects the edge of a tile cuts, and which of the pieces a neighbour sees whole."""

from __future__ import annotations

from geomrcnn.vector.instance import Instance

EDGE = 8.0
"""A box this near to the edge of its tile, in pixels, counts as cut by it ..."""

EDGE_SHARE = 0.1
"""... and so does one nearer than this share of its own extent. Networks place a cut edge the less
precisely the larger the object; and a complete object taken for a cut one loses little, while a
cut one taken for complete loses all that lies beyond."""


def is_cut(instance: Instance, size: tuple[float, float]) -> bool:
    """Whether a seam cuts an object; the edges of the raster, of `size` (width, height), do not."""
    return bool(_depths(instance, size))


def cedes(instance: Instance, size: tuple[float, float], overlap: float) -> bool:
    """Whether a neighbouring tile sees all of a cut piece, further from its own edge.

    Args:
        instance: What a tile saw.
        size: (width, height) of the raster in pixels.
        overlap: Least overlap of neighbouring tiles, in pixels.
    """
    return any(depth < overlap / 2 for depth in _depths(instance, size))


def _depths(instance: Instance, size: tuple[float, float]) -> list[float]:
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
