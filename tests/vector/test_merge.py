"""Seams: what a perfect detector with jitter sees in tiles becomes one object each."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from shapely import Polygon

from geomrcnn.raster.tile import Tile, Window
from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box, Instance
from geomrcnn.vector.merge import Merger, merge
from geomrcnn.vector.settle import Whole
from tests.oracles.detector import OracleDetector, soft_mask
from tests.oracles.scenes import (
    best_ious,
    f1,
    iou,
    lone_buildings,
    parcels,
    rotated_parcels,
    row_houses,
)

SIZE, TILE, OVERLAP = 576, 256, 64

SCENES = {
    "touching fields": parcels(SIZE, 200),
    "touching fields, rotated": rotated_parcels(SIZE, 130),
    "row houses": row_houses(SIZE),
    "lone buildings": lone_buildings(SIZE),
}


def see(truth: Sequence[Polygon], starts: Sequence[int], classes: list[int] | None = None,
        jitter: float = 1.0) -> list[Instance]:  # fmt: skip
    """Detections of all tiles at the given starts, in both directions."""
    detector = OracleDetector(truth, classes=classes, jitter=jitter)
    seen = []
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            window = Window(left, top, TILE, TILE)
            blank = np.zeros((TILE, TILE, 3), np.uint8)
            tile = Tile(row, column, window, blank, np.ones((TILE, TILE), bool))
            (found,) = detector.detect([tile])
            for k in range(len(found)):
                x1, y1, x2, y2 = map(float, found.boxes[k])
                box = Box(x1 + left, y1 + top, x2 + left, y2 + top)
                frame = Box(left, top, left + TILE, top + TILE)
                seen.append(
                    Instance(box, float(found.scores[k]), int(found.classes[k]), found.masks[k],
                             (row, column), frame, k)
                )  # fmt: skip
    return seen


EVEN = tuple(range(0, SIZE - OVERLAP, TILE - OVERLAP))  # the last tiles reach beyond the raster
FLUSH = (0, 160, 320)  # the last tiles end where the raster does


@pytest.mark.parametrize("starts", [EVEN, FLUSH], ids=["even", "flush"])
@pytest.mark.parametrize("name", SCENES)
def test_every_object_is_found_once(name: str, starts: Sequence[int]) -> None:
    truth = SCENES[name]
    seen = see(truth, starts)
    assert len(seen) > 1.3 * len(truth)  # many objects are seen more than once
    found = [whole.outline for whole in merge(seen, size=(SIZE, SIZE), overlap=OVERLAP)]
    assert all(shape.is_valid for shape in found)
    assert f1(truth, found) >= 0.99
    assert len(found) == len(truth)


def test_fields_larger_than_a_tile_keep_their_shape() -> None:
    truth = [shape for shape in rotated_parcels(SIZE, 300, seed=3) if shape.area > TILE**2 / 2]
    assert truth
    found = merge(see(truth, EVEN, jitter=0.0), size=(SIZE, SIZE), overlap=OVERLAP)
    assert len(found) == len(truth)
    assert any(whole.members >= 4 for whole in found)
    assert min(best_ious(truth, [whole.outline for whole in found])) > 0.97


@pytest.mark.parametrize("name", SCENES)
def test_the_order_of_detections_does_not_matter(name: str) -> None:
    seen = see(SCENES[name], EVEN)
    shuffled = random.Random(1).sample(seen, len(seen))
    one = merge(seen, size=(SIZE, SIZE), overlap=OVERLAP)
    other = merge(shuffled, size=(SIZE, SIZE), overlap=OVERLAP)
    assert [whole.best for whole in one] == [whole.best for whole in other]
    assert all(a.outline.equals_exact(b.outline) for a, b in zip(one, other, strict=True))


def by_rows(seen: Sequence[Instance], starts: Sequence[int]) -> list[list[Whole]]:
    """Objects as they close, row by row."""
    merger = Merger((SIZE, SIZE), OVERLAP)
    ends = [*starts[1:], math.inf]
    return [
        merger.add([one for one in seen if one.tile[0] == row], below)
        for row, below in enumerate(ends)
    ]


@pytest.mark.parametrize("starts", [EVEN, FLUSH], ids=["even", "flush"])
@pytest.mark.parametrize("name", SCENES)
def test_row_by_row_gives_the_same_objects(name: str, starts: Sequence[int]) -> None:
    seen = see(SCENES[name], starts)
    at_once = merge(seen, size=(SIZE, SIZE), overlap=OVERLAP)
    rows = by_rows(seen, starts)
    assert all(rows)
    streamed = sorted(
        (whole for row in rows for whole in row), key=lambda one: (one.best.tile, one.best.index)
    )
    assert [whole.best for whole in streamed] == [whole.best for whole in at_once]
    assert all(
        a.outline.equals_exact(b.outline) and a.members == b.members
        for a, b in zip(streamed, at_once, strict=True)
    )


@pytest.mark.parametrize("name", SCENES)
def test_objects_leave_as_soon_as_no_later_row_can_see_them(name: str) -> None:
    rows = by_rows(see(SCENES[name], EVEN), EVEN)
    for row, below in zip(rows, [0, *EVEN[1:]], strict=True):
        # Another view of it, with some jitter, may have reached further than the one that won.
        assert all(whole.outline.bounds[3] > below - 4 for whole in row)


def test_what_is_open_does_not_grow_with_the_rows() -> None:
    """A strip of fields from north to south, some across a seam, seen by one column of tiles."""
    merger = Merger((400, 1e9), 80)
    mask, sizes, found = np.ones((28, 28), np.float32), [], 0
    for row in range(60):
        window = Box(0, 320.0 * row, 400, 320.0 * row + 400)
        fields = [(160 * k + 4, 160 * k + 156) for k in range(2 * 60)]
        seen = [
            Box(100, max(top, window.y1), 300, min(bottom, window.y2))
            for top, bottom in fields
            if bottom > window.y1 and top < window.y2
        ]
        row_of = [Instance(b, 0.9, 1, mask, (row, 0), window, k) for k, b in enumerate(seen)]
        found += len(merger.add(row_of, window.y1 + 320 if row < 59 else math.inf))
        sizes.append(merger.open)
    assert found == 120
    assert sizes[-1] == 0
    assert max(sizes) == max(sizes[:3]) <= 2


def test_classes_are_kept_apart() -> None:
    truth = [*lone_buildings(SIZE), *lone_buildings(SIZE)]
    classes = [1] * (len(truth) // 2) + [2] * (len(truth) // 2)
    found = merge(see(truth, EVEN, classes), size=(SIZE, SIZE), overlap=OVERLAP)
    for kind in (1, 2):
        of_kind = [whole.outline for whole in found if whole.best.class_id == kind]
        assert f1(truth[: len(truth) // 2], of_kind) >= 0.99


def instance(x1: float, x2: float, tile: int, *, score: float = 0.9, index: int = 0) -> Instance:
    """A saturated box in one of the tiles [0, 400), [320, 720), ... of a strip."""
    window = Box(320.0 * tile, 0, 320.0 * tile + 400, 400)
    mask = np.ones((28, 28), np.float32)
    return Instance(Box(x1, 160, x2, 240), score, 1, mask, (0, tile), window, index)


def whole_of(*seen: Instance, width: float = 4000) -> Whole:
    """The one object that comes of detections in a strip of tiles."""
    (whole,) = merge(seen, size=(width, 400), overlap=80)
    return whole


def strip(*seen: Instance) -> list[object]:
    """Left and right ends of what comes of detections in a strip of tiles."""
    found = merge(seen, size=(4000, 400), overlap=80)
    return [pytest.approx(whole.outline.bounds[::2], abs=0.6) for whole in found]


def test_nothing_in_nothing_out() -> None:
    assert merge([], size=(100, 100), overlap=20) == []


def test_the_complete_view_wins_whole_over_a_better_scored_cut_one() -> None:
    complete, cut = instance(240, 380, 0, score=0.6), instance(320, 380, 1, score=0.99)
    whole = whole_of(cut, complete)
    assert whole.best is complete
    assert whole.complete
    assert whole.members == 2
    assert whole.outline.equals(outline(complete.mask, complete.box))


def test_among_complete_views_the_better_then_the_first_wins() -> None:
    views = [instance(344, 376, 0, score=0.7), instance(344, 376, 1, score=0.8)]
    assert whole_of(*views).best is views[1]
    tied = [instance(344, 376, 1), instance(344, 376, 0)]
    assert whole_of(*tied).best is tied[1]


def test_of_complete_views_the_one_clearest_of_seams_wins() -> None:
    """What lies around an object changes how a network scores it."""
    near, clear = instance(340, 376, 0, score=0.99), instance(346, 376, 1, score=0.6)
    assert whole_of(near, clear).best is clear


def test_the_score_is_the_mean_of_complete_views_and_mostly_of_the_clear_ones() -> None:
    """One is 20, the other 40 pixels from a seam, which counts sixteen times as much."""
    near, clear = instance(360, 380, 0, score=0.9), instance(360, 380, 1, score=0.3)
    assert whole_of(near, clear).score == pytest.approx((0.9 + 16 * 0.3) / 17)


def test_a_cut_view_has_no_say_in_the_score() -> None:
    complete, cut = instance(240, 380, 0, score=0.6), instance(320, 380, 1, score=0.99)
    assert whole_of(complete, cut).score == 0.6


def test_what_the_clear_views_doubt_is_no_object() -> None:
    near, clear = instance(344, 376, 0, score=0.9), instance(346, 378, 1, score=0.3)
    for views, found in ((2, 0), (1, 1)):
        merger = Merger((4000, 400), 80, min_score=0.6)
        assert len(merger.add([near, clear][:views])) == found


def test_a_doubtful_object_takes_no_place_from_a_better_one() -> None:
    """Complete ones go first, if they are any."""
    doubtful, cut = instance(346, 378, 1, score=0.3), instance(330, 400, 0, score=0.9)
    merger = Merger((4000, 400), 80, min_score=0.5)
    (whole,) = merger.add([doubtful, cut])
    assert whole.best is cut


def test_far_from_seams_the_score_decides() -> None:
    """In tiles that overlap by half, an object has two views that are clear of seams."""
    mask, box = np.ones((28, 28), np.float32), Box(480, 160, 500, 240)
    windows = Box(0, 0, 700, 400), Box(350, 0, 1050, 400)
    nearer, better = (
        Instance(box, score, 1, mask, (0, k), window, 0)
        for k, (window, score) in enumerate(zip(windows, (0.6, 0.9), strict=True))
    )
    (whole,) = merge([nearer, better], size=(4000, 400), overlap=350)
    assert whole.best is better


def test_a_cut_piece_in_the_outer_half_of_the_overlap_is_the_neighbours() -> None:
    assert strip(instance(320, 352, 1)) == []
    assert strip(instance(320, 368, 1)) == [(320, 368)]


def test_a_chain_of_pieces_becomes_one() -> None:
    chain = [instance(120, 400, 0), instance(320, 720, 1), instance(640, 920, 2)]
    assert strip(*chain) == [(120, 920)]


def test_a_cut_edge_may_be_placed_imprecisely() -> None:
    """A tenth of a large object short of the tile's edge, it still is no end of the object."""
    whole = whole_of(instance(120, 375, 0), instance(320, 640, 1, score=0.5))
    assert not whole.complete
    assert whole.outline.bounds[::2] == pytest.approx((120, 640), abs=0.6)


def test_the_arms_of_one_object_come_together() -> None:
    arms = shapely.box(30, 20, 120, 35), shapely.box(30, 55, 120, 85)
    whole = shapely.union_all([*arms, shapely.box(119, 20, 140, 85)])
    seen = []
    for tile, parts in ((0, [*arms]), (1, [whole])):
        window = Box(80.0 * tile, 0, 80.0 * tile + 100, 100)
        for index, shape in enumerate(parts):
            part = shape.intersection(shapely.box(*window))
            seen.append(
                Instance(Box(*part.bounds), 0.9, 1, soft_mask(part), (0, tile), window, index)
            )
    (found,) = merge(seen, size=(1000, 100), overlap=20)
    assert found.members == 3
    assert iou(found.outline, whole) > 0.95


def test_neighbours_that_meet_in_the_overlap_stay_two() -> None:
    left = [instance(120, 360, 0), instance(364, 400, 0, index=1)]
    right = [instance(320, 360, 1), instance(364, 600, 1, index=1)]
    assert strip(*left, *right) == [(120, 360), (364, 600)]


def test_a_sliver_across_a_corner_joins_no_neighbours() -> None:
    """Within the small zone of diagonal tiles, the lower field's rim lies in the upper field."""
    mask = np.ones((28, 28), np.float32)
    upper, lower = Box(100, 200, 400, 400), Box(320, 397, 720, 600)
    seen = [
        Instance(upper, 0.9, 1, mask, (0, 0), Box(0, 0, 400, 400), 0),
        Instance(lower, 0.9, 1, mask, (1, 1), Box(320, 320, 720, 720), 0),
    ]
    found = merge(seen, size=(4000, 4000), overlap=80)
    assert [whole.outline.bounds for whole in found] == [upper, lower]


def test_the_raster_s_own_edge_is_no_seam() -> None:
    assert whole_of(instance(0, 200, 0)).complete
    assert whole_of(instance(200, 400, 0), width=400).complete
    assert not whole_of(instance(200, 400, 0), width=401).complete


def test_one_tile_may_see_two_objects_on_one_another() -> None:
    assert len(strip(instance(80, 240, 0), instance(100, 170, 0, index=1))) == 2


def test_but_not_one_object_twice() -> None:
    """Boxes that the network's own suppression passes may hold outlines that nearly coincide."""
    views = [instance(80, 240, 0, score=0.8), instance(100, 200, 0, score=0.9, index=1)]
    assert strip(*views) == [(100, 200)]


def test_two_tiles_may_not() -> None:
    blob, house = instance(200, 376, 0, score=0.9), instance(344, 380, 1, score=0.8)
    assert strip(blob, house) == [(200, 376)]


def test_without_overlap_pieces_stay_pieces() -> None:
    halves = [
        Instance(Box(50 + 50 * k, 40, 100 + 50 * k, 60), 0.9, 1, np.ones((4, 4)), (0, k),
                 Box(100 * k, 0, 100 * k + 100, 100), 0)
        for k in (0, 1)
    ]  # fmt: skip
    found = merge(halves, size=(200, 100), overlap=0)
    assert [whole.outline.bounds for whole in found] == [(50, 40, 100, 60), (100, 40, 150, 60)]
