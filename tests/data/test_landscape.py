"""Synthetic scenes: the same every time, and labelled where the picture says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from rasterio.features import rasterize
from scipy import ndimage

from geomrcnn.data.landscape import Scene, landscape
from geomrcnn.data.landscape.canvas import SAMPLES
from geomrcnn.data.landscape.geometry import polygons
from geomrcnn.data.landscape.layout import draw_plan
from geomrcnn.data.landscape.plan import Cover
from geomrcnn.data.landscape.scene import draw_ground

SEEDS = range(6)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [landscape(seed, (384, 512)) for seed in SEEDS]


def test_the_same_arguments_give_the_same_scene() -> None:
    first, second = landscape(3, (200, 160), 1.5), landscape(3, (200, 160), 1.5)
    assert np.array_equal(first.image, second.image)
    assert [p.wkb for p in first.fields] == [p.wkb for p in second.fields]


def test_another_seed_gives_another_scene() -> None:
    first, second = landscape(3, (128, 128)), landscape(4, (128, 128))
    assert not np.array_equal(first.image, second.image)


@pytest.mark.parametrize(("size", "gsd"), [((64, 64), 1.0), ((90, 301), 2.5), ((256, 120), 0.4)])
def test_any_size_and_resolution(size: tuple[int, int], gsd: float) -> None:
    scene = landscape(11, size, gsd)
    assert scene.image.shape == (*size, 3)
    assert scene.image.dtype == np.uint8
    assert scene.gsd == gsd


def test_outlines_are_sound(scenes: list[Scene]) -> None:
    for scene in scenes:
        height, width = scene.image.shape[:2]
        frame = shapely.box(0, 0, width, height)
        for field in scene.fields:
            assert isinstance(field, shapely.Polygon)
            assert field.is_valid
            assert not field.interiors
            assert frame.covers(field)
            assert field.area >= 150


def test_neighbours_do_not_overlap(scenes: list[Scene]) -> None:
    for scene in scenes:
        together = shapely.union_all(scene.fields)
        assert together.area == pytest.approx(sum(f.area for f in scene.fields), rel=1e-6)


def test_there_is_something_to_find(scenes: list[Scene]) -> None:
    assert sum(len(scene.fields) for scene in scenes) > 5 * len(scenes)
    assert 0.3 < np.mean([_covered(scene).mean() for scene in scenes]) < 0.9


def test_outlines_agree_with_the_painted_ground() -> None:
    size, gsd = (400, 400), 1.0
    plan = draw_plan(np.random.default_rng(5).spawn(1)[0], 400.0, 400.0)
    canvas, first = draw_ground(plan, size, gsd)
    assert len(plan.fields) > 3
    for k, parcel in enumerate(plan.fields):
        painted = canvas.labels == first + k
        fine = shapely.transform(parcel.polygon, lambda metres: metres * SAMPLES)
        outlined = rasterize([fine], painted.shape).astype(bool)
        overlap = (painted & outlined).sum() / (painted | outlined).sum()
        assert overlap > 0.98


def test_shares_of_a_pixel_add_up_to_one() -> None:
    plan = draw_plan(np.random.default_rng(5).spawn(1)[0], 150.0, 150.0)
    canvas, first = draw_ground(plan, (150, 150), 1.0)
    labels = first + len(plan.fields) + len(plan.roofs)
    total = sum(canvas.share(label) for label in range(labels))
    assert np.allclose(total, 1.0, atol=1e-5)
    assert first == len(Cover)


def test_the_picture_changes_where_the_outlines_are(scenes: list[Scene]) -> None:
    """Steps of colour are steepest on the outlines, not some pixels beside them."""
    on, inside = [], []
    for scene in scenes:
        steps = _steepness(scene.image)
        inset = [part for field in scene.fields for part in polygons(field.buffer(-4.0))]
        on.append(_along(scene.fields, steps))
        inside.append(_along(inset, steps))
    assert np.mean(on) > 2 * np.mean(inside)


def test_a_coarser_picture_shows_the_same_land() -> None:
    """The plan is in metres: a seed is a place, looked at from nearer or farther."""
    fine, coarse = landscape(8, (300, 300), 1.0), landscape(8, (150, 150), 2.0)
    assert len(fine.fields) == len(coarse.fields)
    areas = [[field.area * scene.gsd**2 for field in scene.fields] for scene in (fine, coarse)]
    assert np.allclose(*areas)


def test_colours_are_those_of_farmland_from_the_air(scenes: list[Scene]) -> None:
    means = np.mean([scene.image.mean(axis=(0, 1)) for scene in scenes], axis=0)
    red, green, blue = means
    assert 85 < red < 135
    assert 100 < green < 140
    assert 70 < blue < 115
    assert green > blue + 10


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        landscape(-1, (64, 64))


def _covered(scene: Scene) -> npt.NDArray[np.bool_]:
    return rasterize(scene.fields, scene.image.shape[:2]).astype(bool)


def _steepness(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    smooth = ndimage.gaussian_filter(image.astype(float), (1.0, 1.0, 0.0))
    down, right = np.gradient(smooth, axis=(0, 1))
    return np.hypot(down, right).mean(axis=2)


def _along(fields: list[shapely.Polygon], values: npt.NDArray[np.float64]) -> float:
    """The mean of `values` along the outlines, the image border left out."""
    height, width = values.shape
    points = np.concatenate(
        [shapely.get_coordinates(shapely.segmentize(f.exterior, 2.0)) for f in fields]
    )
    margin = (points > 6).all(axis=1) & (points < (width - 6, height - 6)).all(axis=1)
    column, row = np.floor(points[margin]).astype(int).T
    return float(values[row, column].mean())
