"""Blocks of ground, and dealing them to training, validation and test.

Neighbouring tiles show the same soil, the same roofs, the same minute of light: a network that has
seen one half knows the other. So what is kept apart are blocks of tiles, and no pixel is in two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geomrcnn.data.labelled_raster import LabelledRaster
from geomrcnn.data.layers import apply, window_box
from geomrcnn.errors import TooFewBlocksError
from geomrcnn.raster.grid import TileGrid
from geomrcnn.raster.tile import Window

SPLITS = ("train", "val", "test")

BLOCK_SIDES = (4, 3, 2, 1)
ENOUGH_BLOCKS = 24
"""A block has as many tiles a side as leaves this many blocks with objects to deal."""

DEALS = 100
"""How often the blocks are dealt; the deal that comes nearest to the shares counts."""

SAME_GROUND = 0.5
"""Share of the smaller block from which two rasters are taken to show the same place."""


@dataclass(frozen=True)
class BlockGrid:
    """A raster divided into square blocks of `side` pixels, from the upper left.

    Those at the right and lower edge may be smaller.
    """

    width: int
    height: int
    side: int

    @property
    def columns(self) -> int:
        """Blocks beside each other."""
        return -(-self.width // self.side)

    @property
    def rows(self) -> int:
        """Blocks above each other."""
        return -(-self.height // self.side)

    def __len__(self) -> int:
        return self.rows * self.columns

    def window(self, index: int) -> Window:
        """Block `index`, counted row by row."""
        row, column = divmod(index, self.columns)
        left, top = column * self.side, row * self.side
        return Window(
            left, top, min(self.side, self.width - left), min(self.side, self.height - top)
        )

    def tiles(self, index: int, tile: int, overlap: int) -> Iterator[Window]:
        """Windows that cover a block. They leave it only where they leave the raster."""
        left, top, width, height = self.window(index)
        for cell in TileGrid(width, height, tile, min(overlap, tile - 1)):
            window = cell.window
            yield Window(left + window.column, top + window.row, tile, tile)

    def places(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Which block each of the points [N, (x, y)] lies in; those outside go to the nearest."""
        cells = np.floor(points / self.side).astype(np.int64)
        column, row = np.clip(cells, 0, [self.columns - 1, self.rows - 1]).T
        places: npt.NDArray[np.int64] = row * self.columns + column
        return places


def block_grids(
    rasters: Sequence[LabelledRaster], tile: int, overlap: int, block: int | None
) -> list[BlockGrid]:
    """Divide rasters into blocks of `block` tiles a side; None lets the labels decide."""
    grids: list[BlockGrid] = []
    for side in BLOCK_SIDES if block is None else (block,):
        pixels = tile + (side - 1) * (tile - overlap)
        grids = [BlockGrid(raster.width, raster.height, pixels) for raster in rasters]
        labelled = sum(
            len(np.unique(grid.places(label_points(raster))))
            for grid, raster in zip(grids, rasters, strict=True)
        )
        if labelled >= ENOUGH_BLOCKS:
            break
    return grids


def label_points(raster: LabelledRaster) -> npt.NDArray[np.float64]:
    """[N, (x, y)]: a point in each label, in pixels."""
    points = shapely.get_coordinates(shapely.point_on_surface(raster.labels.geometries))
    return np.asarray(points, np.float64).reshape(-1, 2)


def deal(
    counts: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    shares: Sequence[float],
    seed: int,
) -> npt.NDArray[np.int64]:
    """Deal blocks to the splits, so that each gets about its share of the objects of each class.

    Groups are laid in a random order, which is cut where the shares end; of `DEALS` such orders
    the best counts.

    Args:
        counts: [blocks, classes] objects.
        groups: [blocks] number of the group a block belongs to: groups stay together.
        shares: Of the splits; those of 0 get nothing.
        seed: Names the orders.

    Returns:
        [blocks] index of the split.

    Raises:
        TooFewBlocksError: there are fewer groups with objects than splits.
    """
    wanted = np.array(shares, np.float64) / np.sum(shares)
    totals = np.maximum(counts.sum(axis=0), 1)
    weights = np.zeros((groups.max() + 1, counts.shape[1]))
    np.add.at(weights, groups, counts / totals)
    active, labelled = np.flatnonzero(wanted), int((weights.sum(axis=1) > 0).sum())
    if labelled < len(active):
        raise TooFewBlocksError(
            f"there are objects in {labelled} block{'s' * (labelled != 1)} of tiles, too few for "
            f"{len(active)} splits: choose a smaller --tile or --block, or --split 1 0 0"
        )
    weights = weights[:, counts.any(axis=0)]
    rng, best, fault = np.random.default_rng(seed), np.zeros(len(weights), np.int64), np.inf
    for _ in range(DEALS if len(active) > 1 else 1):
        splits = active[_laid_out(weights, wanted[active], rng.permutation(len(weights)))]
        got = np.zeros((len(wanted), weights.shape[1]))
        np.add.at(got, splits, weights)
        error = float(np.abs(got - wanted[:, None]).sum(axis=0).mean())
        if error < fault:
            best, fault = splits, error
    return best[groups]


def _laid_out(
    weights: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Cut groups, laid in this order, where the shares end; no part stays without objects.

    Args:
        weights: [groups, classes] share of the objects.
        shares: [parts] that sum to 1.
        order: [groups].

    Returns:
        [groups] index of the part.
    """
    mean = weights[order].mean(axis=1)
    middles = np.cumsum(mean) - mean / 2
    parts = np.empty(len(order), np.int64)
    parts[order] = np.minimum(np.searchsorted(np.cumsum(shares), middles), len(shares) - 1)
    labelled = order[mean > 0]
    for part in range(len(shares)):
        counts = np.bincount(parts[labelled], minlength=len(shares))
        if not counts[part]:
            giver = labelled[parts[labelled] == counts.argmax()]
            parts[giver[-1]] = part
    return parts


def same_ground(
    rasters: Sequence[LabelledRaster], grids: Sequence[BlockGrid]
) -> npt.NDArray[np.int64]:
    """[blocks of all rasters] number of the group: blocks of one place, seen by several rasters."""
    total = sum(len(grid) for grid in grids)
    if len(rasters) < 2:
        return np.arange(total)
    owners = np.repeat(np.arange(len(grids)), [len(grid) for grid in grids])
    windows = [grid.window(index) for grid in grids for index in range(len(grid))]
    left, right = overlapping(rasters, owners, windows, SAME_GROUND)
    links = coo_array((np.ones(len(left)), (left, right)), shape=(total, total))
    _, groups = connected_components(links, directed=False)
    return np.asarray(groups, np.int64)


def overlapping(
    rasters: Sequence[LabelledRaster],
    owners: npt.NDArray[np.int64],
    windows: Sequence[Window],
    least: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of windows of different rasters that show the same ground.

    Args:
        rasters: All rasters.
        owners: [N] which raster a window is of.
        windows: N windows.
        least: Share of the smaller window that both must show.

    Returns:
        Indices [P] of the first and of the second of each pair.
    """
    shapes = np.empty(len(windows), object)
    for number, raster in enumerate(rasters):
        own = np.flatnonzero(owners == number)
        shapes[own] = footprints(raster, [windows[int(k)] for k in own])
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    other = owners[left] < owners[right]
    left, right = left[other], right[other]
    shared = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    smaller = np.minimum(shapely.area(shapes[left]), shapely.area(shapes[right]))
    much = shared > least * smaller
    return left[much], right[much]


def footprints(raster: LabelledRaster, windows: Sequence[Window]) -> npt.NDArray[np.object_]:
    """Outlines of windows in longitude and latitude; empty if the raster is not georeferenced."""
    if raster.crs is None:
        return np.full(len(windows), shapely.Polygon(), object)
    way = pyproj.Transformer.from_crs(raster.crs, "EPSG:4326", always_xy=True)

    def to_degrees(points: np.ndarray) -> np.ndarray:
        return np.stack(way.transform(*apply(raster.transform, points).T), axis=1)

    outlines = np.array([window_box(window) for window in windows], object)
    return np.asarray(shapely.transform(outlines, to_degrees), object)
