"""How true outlines are: scripts/bench outlines.

Objects of known shape are drawn into masks of 28 × 28 cells, traced, and compared with what was
drawn: as they are traced, simplified, and made into shapes. Fields in rows, each a little off, are
given shared edges.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import numpy as np
import shapely
from shapely import affinity

from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box
from geomrcnn.vector.polygons import Polygonal
from geomrcnn.vector.regularise import regularise
from geomrcnn.vector.shared_edges import share_edges
from geomrcnn.vector.simplify import simplify
from tests.oracles.detector import soft_mask
from tests.oracles.outlines import (
    COURT,
    CUT_CORNER,
    DISC,
    ELL,
    RECTANGLE,
    SLANTED,
    quarter,
    traced,
    turned,
)
from tests.oracles.scenes import iou, rectangles_and_discs

SHAPES = [
    ("right-angles", "rectangle", RECTANGLE),
    ("right-angles", "L", ELL),
    ("right-angles", "courtyard", COURT),
    ("right-angles-45", "cut corner", CUT_CORNER),
    ("any-angle", "slanted side", SLANTED),
    ("circle", "disc", DISC),
    ("rectangle", "rectangle", RECTANGLE),
    ("wedge", "quarter disc", quarter()),
    ("wedge", "flatter arc", quarter(50, 60)),
]
TOLERANCE = 2.5


@click.command(help=__doc__)
@click.option("--seed", default=0, show_default=True, help="Of shapes and noise.")
@click.option("--count", default=100, show_default=True, help="Outlines of each kind.")
@click.option("--fields", default=900, show_default=True, help="Fields that share edges.")
def main(seed: int, count: int, fields: int) -> None:
    """Print three tables."""
    print_suite(rectangles_and_discs(3 * count, seed))
    print_shapes(count, seed)
    print_shared(fields, seed)


def print_suite(truth: Sequence[shapely.Polygon]) -> None:
    """IoU, area bias and vertices of ideal masks' outlines."""
    masks = [soft_mask(shape) for shape in truth]
    boxes = [Box(*shape.bounds) for shape in truth]
    exact = [outline(mask, box) for mask, box in zip(masks, boxes, strict=True)]
    bits = [np.rint(255 * mask).astype(np.uint8) / np.float32(255) for mask in masks]
    rows = {
        "traced": exact,
        "traced from 8 bits": [outline(m, b) for m, b in zip(bits, boxes, strict=True)],
        "simplified by 0.25": [simplify(shape, 0.25) for shape in exact],
        "simplified by 1": [simplify(shape, 1.0) for shape in exact],
    }
    print(f"{'outlines':28}{'mean IoU':>10}{'least':>8}{'area bias':>11}{'vertices':>10}")
    for name, shapes in rows.items():
        overlap = [iou(one, other) for one, other in zip(shapes, truth, strict=True)]
        bias = np.mean([one.area / two.area - 1 for one, two in zip(shapes, truth, strict=True)])
        vertices = np.mean(shapely.get_num_coordinates(shapes)) - 1
        print(f"{name:28}{np.mean(overlap):10.4f}{min(overlap):8.4f}{bias:+11.2%}{vertices:10.1f}")


def print_shapes(count: int, seed: int) -> None:
    """IoU with the truth before and after regularisation."""
    print(f"\n{'shape':17}{'of a':15}{'noise':>6}{'done':>6}{'before':>9}{'after':>8}{'worse':>7}")
    for noise in (0.03, 0.08):
        for kind, name, shape in SHAPES:
            before, after, done = [], [], 0
            for k in range(count):
                truth = turned(shape, 360 * k / count)
                found = traced(truth, noise, seed + k)
                regular, status = regularise(found, kind, TOLERANCE)
                done += status == "regularised"
                before.append(iou(found, truth))
                after.append(iou(regular, truth))
            worse = np.mean(np.array(after) < np.array(before) - 1e-3)
            print(
                f"{kind:17}{name:15}{noise:6}{done / count:6.0%}{np.mean(before):9.4f}"
                f"{np.mean(after):8.4f}{worse:7.0%}"
            )


def print_shared(count: int, seed: int) -> None:
    """What shared edges change, and what they cost."""
    rng = np.random.default_rng(seed)
    side = round(count**0.5)
    before: list[Polygonal] = []
    for k in range(side**2):
        row, column = divmod(k, side)
        x, y = 60 * column, 50 * row + 20 * (column % 2)
        field = affinity.rotate(shapely.box(x, y, x + 59.5, y + 49.5), 27, origin=(0, 0))
        before.append(simplify(traced(field, 0.04, int(rng.integers(10**6)))))
    began = time.process_time()
    after = share_edges(before, gap=6.0, tolerance=1.0)
    seconds = time.process_time() - began
    print(f"\n{'fields':10}{'overlaps px²':>14}{'slivers px²':>13}{'vertices':>10}{'coverage':>10}")
    for name, shapes in (("before", before), ("after", after)):
        union = shapely.union_all(shapes)
        outer = shapely.union_all([shapely.Polygon(p.exterior) for p in shapely.get_parts(union)])
        overlaps = shapely.area(shapes).sum() - union.area
        print(
            f"{name:10}{overlaps:14.0f}{outer.area - union.area:13.0f}"
            f"{shapely.get_num_coordinates(shapes).sum():10}"
            f"{'yes' if shapely.coverage_is_valid(shapes) else 'no':>10}"
        )
    changed = np.mean([iou(one, other) for one, other in zip(before, after, strict=True)])
    print(f"mean IoU {changed:.4f}; {seconds / len(before) * 1000:.1f} ms of CPU a field")


if __name__ == "__main__":
    main()
