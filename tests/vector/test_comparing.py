"""Which detections agree: what is left out of the comparison tells nothing new."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity

from geomrcnn.vector.agreement import CONFLICT, compare
from geomrcnn.vector.components import components, forest
from geomrcnn.vector.cuts import is_cut
from geomrcnn.vector.instance import Box, Instance, Traced
from geomrcnn.vector.overlap import most_shared

WIDTH, LEFT = 200.0, (0.0, 60.0, 120.0)
"""Tiles of that width side by side, that begin there."""


def a_roof(rng: np.random.Generator, spread: float) -> Polygon:
    width, height = rng.uniform(5, 30, 2)
    roof = shapely.box(0, 0, width, height)
    turned = affinity.rotate(roof, rng.uniform(0, 90))
    return affinity.translate(turned, *rng.uniform(20, 20 + spread, 2))


def seen(seed: int, count: int, spread: float) -> list[Traced]:
    """Roofs on one another as three tiles see them, with some jitter and cut off at their edges."""
    rng = np.random.default_rng(seed)
    roofs = [a_roof(rng, spread) for _ in range(count)]
    found = []
    for column, left in enumerate(LEFT):
        window = Box(left, 0, left + WIDTH, WIDTH)
        for index, roof in enumerate(roofs):
            moved = affinity.translate(roof, *rng.normal(0, 2, 2))
            part = moved.intersection(shapely.box(*window))
            if part.area > 0:
                one = Instance(Box(*part.bounds), 0.9, 1 + index % 2, np.ones((2, 2)), (0, column),
                               window, index)  # fmt: skip
                found.append(Traced(one, part))
    return found


def all_pairs(found: list[Traced], agreement: float) -> tuple[np.ndarray, np.ndarray]:
    """Links by agreement alone and conflicts, from every pair."""
    links, conflicts = [(0, 0)], [(0, 0)]
    for k, (one, shape) in enumerate(found):
        for n, (other, another) in enumerate(found[:k]):
            if one.class_id != other.class_id:
                continue
            shared = shape.intersection(another).area
            both = shapely.box(*one.window).intersection(shapely.box(*other.window))
            union = shape.intersection(both).area + another.intersection(both).area - shared
            if one.tile != other.tile and shared > 0 and shared >= agreement * union:
                links.append((n, k))
            if links[-1] == (n, k) or shared > CONFLICT * min(shape.area, another.area):
                conflicts.append((n, k))
    return np.array(links), np.array(conflicts)


@pytest.mark.parametrize("agreement", [0.3, 0.5, 0.8])
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([20.0, 60.0, 200.0]))
@settings(deadline=None, max_examples=40)
def test_what_hangs_together_is_what_does_by_all_pairs(
    agreement: float, seed: int, count: int, spread: float
) -> None:
    # Without cut roofs there are no arms, which `all_pairs` knows nothing of.
    found = [one for one in seen(seed, count, spread) if not is_cut(one.instance, (math.inf,) * 2)]
    old = len(found) // 2
    by_parts = compare(found[:old], 0, agreement), compare(found, old, agreement)
    for ours, theirs in zip(zip(*by_parts, strict=True), all_pairs(found, agreement), strict=True):
        together = components(len(found), np.concatenate(ours))
        np.testing.assert_array_equal(together, components(len(found), theirs))


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=50)
def test_outlines_share_no_more_than_their_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = np.array([a_roof(rng, 40) for _ in range(8)])
    first, second = np.triu_indices(len(shapes))
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    most = most_shared(shapes, first, second)
    assert (shared <= most).all()
    upright = shapely.area(
        shapely.intersection(*(shapely.envelope(shapes[some]) for some in (first, second)))
    )
    assert (most <= upright + 1e-3).all()


def test_a_turned_roof_is_told_from_its_neighbour() -> None:
    roof = affinity.rotate(shapely.box(0, 0, 10, 10), 45)
    shapes = np.array([roof, affinity.translate(roof, 8, 8)])
    (most,) = most_shared(shapes, np.array([0]), np.array([1]))
    assert most < 1e-3, "though their upright boxes share a quarter"


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=50)
def test_a_forest_holds_together_what_its_pairs_do_with_the_first_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 20))
    pairs = rng.permutation(np.stack(np.triu_indices(count, 1), axis=1))[: rng.integers(1, 40)]
    chosen = forest(count, pairs)
    parts = components(count, pairs)
    np.testing.assert_array_equal(components(count, pairs[chosen]), parts)
    assert len(chosen) == count - len(set(parts.tolist()))
    # Kruskal's: a pair is chosen if those before it do not join its ends.
    for place, (one, other) in enumerate(pairs):
        before = components(count, pairs[:place])
        assert (place in chosen) == (before[one] != before[other])
