"""Merging at tile seams: scripts/bench seams.

Four scenes of 4096 by 4096 pixels are seen in tiles of 512 that overlap by 128, by a detector that
knows the truth but for some jitter; with --noise it overlooks and invents objects and slips with
its boxes, too. Each rule makes objects of what it saw. Printed are F1 at an IoU of 0.5, the share
of objects found at 0.85, the number of false merges (results that cover most of two objects each),
and seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from shapely import Polygon

from geomrcnn.raster.grid import TileGrid
from tests.oracles.detector import OracleDetector
from tests.oracles.scenes import best_ious, lone_buildings, parcels, rotated_parcels, row_houses
from tests.oracles.seams import RULES, false_merges, see

TILE, OVERLAP = 512, 128
SMALLEST_FIELD = 1000
NOISE = {"misses": 0.05, "inventions": 2, "slip": 1.5}


def scenes(size: float, seed: int) -> dict[str, list[Polygon]]:
    """The true objects of each scene, by its name."""
    turned = rotated_parcels(size, 260, seed, 0.1)
    return {
        # Without what the edge of the scene leaves of some: corners so small that
        # the detector's jitter alone takes a fifth of them.
        "touching fields, rotated": [field for field in turned if field.area > SMALLEST_FIELD],
        "touching fields": parcels(size, 260, seed, 0.1),
        "row houses": row_houses(size),
        "lone buildings": lone_buildings(size, seed),
    }


def judge(truth: Sequence[Polygon], found: Sequence[Polygon]) -> dict[str, float]:
    """How well objects were found."""
    ious = np.array(best_ious(truth, found))
    return {
        "objects": len(truth),
        "found": len(found),
        "f1": 2 * float((ious >= 0.5).sum()) / (len(truth) + len(found)),
        "recall_85": float((ious >= 0.85).mean()),
        "false_merges": false_merges(truth, found),
    }


@click.command()
@click.option("--seed", default=1, show_default=True, help="Changes the scenes and the noise.")
@click.option("--size", default=4096, show_default=True, help="Side of the scenes, in pixels.")
@click.option("--noise", is_flag=True, help=f"With {NOISE}.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(seed: int, size: int, noise: bool, out: Path | None) -> None:
    """Print a table for each scene: a row a rule."""
    grid = TileGrid(size, size, TILE, OVERLAP)
    figures = {}
    for scene, truth in scenes(size, seed).items():
        oracle = OracleDetector(truth, jitter=1.0, seed=seed, **(NOISE if noise else {}))
        seen = see(oracle, grid)
        click.echo(f"\n{scene}: {len(truth)} objects, seen {len(seen)} times")
        click.echo(f"{'':36}{'found':>7}{'F1':>8}{'R.85':>8}{'merged':>8}{'s':>7}")
        figures[scene] = {}
        for name, rule in RULES.items():
            began = time.perf_counter()
            result = judge(truth, rule(seen, grid))
            result["seconds"] = time.perf_counter() - began
            figures[scene][name] = result
            click.echo(
                f"{name:36}{result['found']:7.0f}{result['f1']:8.4f}{result['recall_85']:8.4f}"
                f"{result['false_merges']:8.0f}{result['seconds']:7.1f}"
            )
    if out is not None:
        out.write_text(json.dumps({"seed": seed, "size": size, "scenes": figures}, indent=2))


if __name__ == "__main__":
    main()
