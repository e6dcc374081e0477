"""Which objects the edge of a tile cuts, and which of the pieces a neighbour sees whole."""

from __future__ import annotations

from collections.abc import Iterator

from geomrcnn.vector.instance import Instance

EDGE = 8.0
"""A box this near to the edge of its tile, in pixels, counts as cut by it ..."""

EDGE_SHARE = 0.1
"""... and so does one nearer than this share of its own extent. Networks place a cut edge the less
precisely the larger the object; and a complete object taken for a cut one loses little, while a
cut one taken for complete loses all that lies beyond."""


def clearance(instance: Instance, size: tuple[float, float], enough: float) -> float:
    """Pixels from a box to the nearest seam of its tile, at most `enough`."""
    return min([enough, *(gap for gap, _, _ in _seams(instance, size))])


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
    return [depth for gap, extent, depth in _seams(instance, size) if gap <= _near(extent)]


def _near(extent: float) -> float:
    return max(EDGE, EDGE_SHARE * extent)


def _seams(instance: Instance, size: tuple[float, float]) -> Iterator[tuple[float, float, float]]:
    """Of each edge of the tile that is a seam: pixels from there to the box's near side, the box's
    extent that way, and pixels to its far side."""
    box, window = instance.box, instance.window
    if window.x1 > 0:
        yield box.x1 - window.x1, box.width, box.x2 - window.x1
    if window.y1 > 0:
        yield box.y1 - window.y1, box.height, box.y2 - window.y1
    if window.x2 < size[0]:
        yield window.x2 - box.x2, box.width, window.x2 - box.x1
    if window.y2 < size[1]:
        yield window.y2 - box.y2, box.height, window.y2 - box.y1
