"""Seams, from the raster to the map: touching fields, row houses and lone buildings, each once."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely import Polygon, affinity

from geomrcnn.inference.predict import predict
from geomrcnn.raster.grid import TileGrid
from tests.oracles.detector import OracleDetector
from tests.oracles.scenes import (
    best_ious,
    f1,
    lone_buildings,
    parcels,
    rotated_parcels,
    row_houses,
)
from tests.oracles.seams import agreement_graph, false_merges, see

METRE = 1 / 111_132.0
"""Of latitude, near 45 degrees, in degrees."""

GRIDS = {
    "UTM": ("EPSG:32632", Affine(1, 0, 500_000, 0, -1, 4_983_000)),
    "degrees": ("EPSG:4326",
                Affine(METRE / math.cos(math.radians(45)), 0, 9, 0, -METRE, 45.01)),
    "rotated": ("EPSG:32632", Affine.translation(500_000, 4_983_000) @ Affine.rotation(31)
                @ Affine.scale(1, -1)),
}  # fmt: skip

FIELDS, HOUSES = 1800, 900

SCENES = {
    "touching fields, rotated": (
        FIELDS, [field for field in rotated_parcels(FIELDS, 260, 4, 0.1) if field.area > 1000]
    ),
    "touching fields": (FIELDS, parcels(FIELDS, 260, 4, 0.1)),
    "row houses": (HOUSES, row_houses(HOUSES)),
    "lone buildings": (HOUSES, lone_buildings(HOUSES, 4)),
}  # fmt: skip
"""Side in pixels, and the true objects."""

TILES = {"tile": 512, "overlap": 128}


def blank(path: Path, size: int, grid: str) -> Path:
    """A black raster that takes no room."""
    crs, transform = GRIDS[grid]
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 3, "dtype": "uint8",
        "crs": crs, "transform": transform, "tiled": True, "sparse_ok": True,
    }  # fmt: skip
    rasterio.open(path, "w", **profile).close()
    return path


def in_pixels(shapes: Sequence[Polygon], grid: str) -> list[Polygon]:
    """Back from the map."""
    a, b, c, d, e, f = tuple(~GRIDS[grid][1])[:6]
    return [affinity.affine_transform(shape, [a, b, d, e, c, f]) for shape in shapes]


@functools.cache
def oracle_of(scene: str) -> OracleDetector:
    """One for all grids: what it sees in a tile is always the same, and takes a while to draw."""
    return OracleDetector(SCENES[scene][1], jitter=1.0, **TILES)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("scene", SCENES)
def test_every_object_comes_out_once(scene: str, grid: str, tmp_path: Path) -> None:
    size, truth = SCENES[scene]
    raster = blank(tmp_path / "blank.tif", size, grid)
    frame = predict(raster, model=oracle_of(scene))
    found = in_pixels(frame.geometry, grid)
    assert len(found) == len(truth)
    assert f1(truth, found) >= (0.995 if "fields" in scene else 0.998)
    assert false_merges(truth, found) == 0
    if "fields" in scene:
        assert np.mean(np.array(best_ious(truth, found)) >= 0.85) >= 0.99
        assert frame["fragments"].max() > 3


@pytest.mark.parametrize("scene", SCENES)
def test_a_detector_that_errs_costs_no_object(scene: str) -> None:
    """Each tile overlooks some, invents some, and is off by some pixels."""
    size, truth = SCENES[scene]
    # An invention among row houses would lie on two of them.
    noise = {"misses": 0.05, "inventions": 0 if scene == "row houses" else 2, "slip": 1.0}
    oracle = OracleDetector(truth, jitter=1.0, seed=1, **noise)  # type: ignore[arg-type]
    grid = TileGrid(size, size, TILES["tile"], TILES["overlap"])
    found = agreement_graph(see(oracle, grid), grid)
    seen_at_all = 0.95 if "fields" in scene else 0.9
    assert np.mean(np.array(best_ious(truth, found)) >= 0.5) >= seen_at_all
    assert len(found) <= len(truth) + noise["inventions"] * len(grid)
    assert false_merges(truth, found) == 0
