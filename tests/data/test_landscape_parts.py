"""The parts of a synthetic scene, each against what it promises."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Polygon, box

from geomrcnn.data.landscape import canopy, geometry, parcels, sensor
from geomrcnn.data.landscape.canvas import Canvas
from geomrcnn.data.landscape.noise import NoiseBank, smooth_noise
from geomrcnn.data.landscape.plan import Sun
from geomrcnn.data.landscape.style import draw_style


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-4, 4))
def test_a_frame_leads_there_and_back(x: float, y: float, heading: float) -> None:
    frame = geometry.Frame(x, y, heading)
    there = [(3.0, 4.0), (-20.0, 0.5)]
    assert np.allclose(frame.local(frame.points(there)), there, atol=1e-6)


@given(st.integers(0, 2**32))
def test_blocks_are_shared_out_without_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    block = box(0, 0, rng.uniform(120, 700), rng.uniform(120, 700))
    allotment = parcels.allot(rng, block, draw_style(rng))
    pieces = [parcel.polygon for parcel in allotment.parcels]
    assert sum(piece.area for piece in pieces) == pytest.approx(block.area, rel=1e-6)
    assert shapely.union_all(pieces).area == pytest.approx(block.area, rel=1e-6)


def test_islands_are_reached_and_small_ones_filled() -> None:
    pond = [(40, 40), (60, 40), (60, 60), (40, 60)]
    tree = [(10, 10), (12, 10), (12, 12), (10, 12)]
    field = Polygon(box(0, 0, 100, 100).exterior, [pond, tree])
    (solid,) = geometry.reach_holes(field, 5.0, 100.0)
    assert not solid.interiors
    assert solid.is_valid
    assert not solid.contains(shapely.Point(50, 50))
    assert solid.contains(shapely.Point(11, 11))
    assert solid.area == pytest.approx(100 * 100 - 20 * 20 - 40 * 5, abs=5 * 5)


def test_soft_corners_stay_within_the_shape() -> None:
    square = box(0, 0, 10, 10)
    soft = geometry.soften(square)
    assert square.covers(soft)
    assert 80 < soft.area < 100


def test_a_wandering_line_keeps_its_ends_in_reach() -> None:
    rng = np.random.default_rng(0)
    line = geometry.wander(rng, np.array([0.0, 0.0]), np.array([1000.0, 0.0]), 30.0, 300.0)
    points = shapely.get_coordinates(line)
    assert points[0, 0] == pytest.approx(0.0, abs=1e-6)
    assert points[-1, 0] == pytest.approx(1000.0, abs=1e-6)
    assert points[:, 1].std() == pytest.approx(30.0, rel=1e-6)


def test_noise_has_its_wavelength() -> None:
    field = smooth_noise(np.random.default_rng(1), (256, 256), 32.0)
    power = np.abs(np.fft.rfft(field, axis=1)).mean(axis=0) ** 2
    assert field.mean() == pytest.approx(0.0, abs=1e-4)
    assert field.std() == pytest.approx(1.0, abs=1e-4)
    assert power[: 256 // 12].sum() > 0.98 * power.sum()


def test_octaves_too_fine_for_the_pixels_are_left_out() -> None:
    bank = NoiseBank.draw(np.random.default_rng(0), (64, 64), 10.0)
    assert min(bank.octaves) == 32.0
    sample = bank.sample(np.random.default_rng(0), (20, 30), {5.0: 1.0})
    assert sample.shape == (20, 30)
    assert not sample.any()


def test_a_shape_covers_its_share_of_the_pixels() -> None:
    canvas = Canvas((4, 6))
    canvas.draw([(box(1, 1, 3, 2 + 1 / 3), 7)])
    share = canvas.share(7)
    assert share[1, 1:3] == pytest.approx(1.0)
    assert share[2, 1:3] == pytest.approx(1 / 3)
    assert share.sum() == pytest.approx(2 + 2 / 3)
    assert canvas.lookup(np.arange(8, dtype=np.float32))[2, 1] == pytest.approx(7 / 3)


def test_shadows_fall_away_from_the_sun() -> None:
    heights = np.zeros((40, 40), np.float32)
    heights[20, 20] = 10.0
    shade = canopy.shadows(heights, Sun(0.0, 1.0, 1.0), 1.0)  # sun in the south, 45 degrees up
    assert shade[14, 20] > 0.5
    assert shade[26, 20] == 0.0
    assert shade[5, 20] == 0.0  # a 10 m tree does not reach 15 m


def test_the_higher_crown_is_seen_from_above() -> None:
    rng = np.random.default_rng(0)
    crowns = np.array([[10.0, 10.0, 4.0, 8.0], [12.0, 10.0, 4.0, 16.0], [-3.0, 5.0, 1.0, 9.0]])
    tops, _ = canopy.pile(rng, crowns, np.zeros((20, 24), np.float32), 1.0)
    assert tops.max() == pytest.approx(16.0, abs=0.3)
    assert tops[10, 12] > tops[10, 7] > 0
    assert tops[2, 20] == 0
    assert canopy.pile(rng, crowns[:0], np.zeros((5, 5), np.float32), 1.0)[0].max() == 0


def test_compression_is_slight_and_in_blocks() -> None:
    rng = np.random.default_rng(0)
    image = rng.uniform(60, 180, (21, 30, 3)).astype(np.float32)
    coded = sensor.compress(image, 6.0)
    assert coded.shape == image.shape
    assert 0.5 < np.abs(coded - image).mean() < 8
    flat = np.full((16, 16, 3), 96.0, np.float32)
    assert np.allclose(sensor.compress(flat, 3.0), flat, atol=1.0)


def test_lines_and_polygons_are_told_apart() -> None:
    mixed = shapely.GeometryCollection([box(0, 0, 1, 1), LineString([(0, 0), (5, 5)])])
    assert [shape.area for shape in geometry.polygons(mixed)] == [1.0]
    assert len(geometry.lines(mixed)) == 1
