from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

from geomrcnn.data.augmentation import STILL, Augmentation, augment
from geomrcnn.data.augmentation.colours import jitter_colours
from geomrcnn.data.augmentation.copy_paste import paste
from geomrcnn.data.augmentation.views import crop, flip, quarter_turns, random_view, turn
from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.data.resample import Frame
from geomrcnn.data.statistics import BYTES, ValueRange
from geomrcnn.errors import DataError
from geomrcnn.raster.tile import Window

HEIGHT, WIDTH = 180, 240
# An L without symmetry: no turned or mirrored mistake can look right.
SHAPE = Polygon([(60, 40), (150, 52), (146, 80), (102, 74), (94, 140), (52, 132)])
PLAIN = replace(STILL, scale=(0.6, 1.6))


def painted(shape: Polygon = SHAPE) -> Sample:
    """An image with `shape` painted light on dark, anti-aliased, and its label."""
    fine = np.stack(
        [
            pixel_mask(shapely.affinity.scale(shape, 4, 4, origin=(0, 0)), Window(0, 0, 960, 720))
            for _ in range(3)
        ],
        axis=-1,
    )
    share = fine.reshape(HEIGHT, 4, WIDTH, 4, 3).mean((1, 3))
    return Sample((40 + 180 * share).astype(np.uint8), (Instance(shape, 1),))


def overlap(sample: Sample) -> float:
    """IoU of what is painted and what is labelled."""
    height, width = sample.image.shape[:2]
    image = sample.image.mean(axis=2)
    seen = image > 0
    light = image > (image[seen].min() + image.max()) / 2
    label = pixel_mask(sample.instances[0].geometry, Window(0, 0, width, height)) > 0
    return float((light & label).sum() / (light | label).sum())


def test_the_painting_fits_its_label() -> None:
    assert overlap(painted()) > 0.99


def test_mirrored_label_stays_on_the_object() -> None:
    mirrored = flip(painted())
    assert overlap(mirrored) > 0.99
    x1, _, x2, _ = SHAPE.bounds
    assert mirrored.instances[0].box[::2] == (WIDTH - x2, WIDTH - x1)


@pytest.mark.parametrize("turns", range(-1, 6))
def test_turned_label_stays_on_the_object(turns: int) -> None:
    turned = quarter_turns(painted(), turns)
    assert turned.image.shape[:2] == ((WIDTH, HEIGHT) if turns % 2 else (HEIGHT, WIDTH))
    assert overlap(turned) > 0.99


def test_four_turns_are_none() -> None:
    sample = painted()
    turned = sample
    for _ in range(4):
        turned = quarter_turns(turned, 1)
    np.testing.assert_array_equal(turned.image, sample.image)
    assert turned.instances[0].geometry.equals_exact(SHAPE, 1e-9)


@pytest.mark.parametrize("scale", [0.5, 0.83, 1.0, 1.37, 2.0])
def test_scaled_label_stays_on_the_object(scale: float) -> None:
    side = 160 / scale
    view = crop(painted(), Frame(30.3, 11.7, side, side), 160, PLAIN)
    assert view.image.shape == (160, 160, 3)
    assert overlap(view) > 0.97


@pytest.mark.parametrize("degrees", [-170, -45, -7.5, 0, 20, 45, 90])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_label_turned_by_any_angle_stays_on_the_object(degrees: float, scale: float) -> None:
    tile = round(200 * scale)
    view = turn(painted(), Frame(10, -10, 200, 200), np.deg2rad(degrees), tile, PLAIN)
    assert view.instances[0].geometry.area == pytest.approx(SHAPE.area * scale**2, rel=1e-6)
    assert overlap(view) > 0.97


def test_a_turn_takes_x_towards_y_of_what_is_looked_at() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[45:55, 80:90] = 255  # to the right of the centre
    view = turn(Sample(image, ()), Frame(0, 0, 100, 100), np.pi / 2, 100, PLAIN)
    rows, columns = np.nonzero(view.image[..., 0])
    assert (rows.mean(), columns.mean()) == pytest.approx((14.5, 49.5))


def test_turned_by_nothing_is_a_crop() -> None:
    frame = Frame(10, -10, 150, 150)
    still, turned = crop(painted(), frame, 150, PLAIN), turn(painted(), frame, 0.0, 150, PLAIN)
    np.testing.assert_array_equal(turned.image, still.image)
    np.testing.assert_array_equal(turned.valid, still.valid)


def test_beyond_a_turned_image_there_is_no_data_and_no_dark_rim() -> None:
    bright = Sample(np.full((100, 100, 5), 200, np.uint16), ())
    view = turn(bright, Frame(0, 0, 100, 100), 0.6, 100, PLAIN)
    assert 0.6 < view.valid.mean() < 0.95
    assert (view.image[view.valid] == 200).all()
    assert (view.image[~view.valid] == 0).all()


def test_pasted_objects_bring_their_pixels_and_cut_what_is_beneath() -> None:
    ground, donor = painted(), painted(shapely.affinity.translate(SHAPE, 60, 20))
    ground = replace(ground, image=(ground.image / 2).astype(np.uint8))
    rng = np.random.default_rng(2)
    views = [paste(ground, donor, PLAIN, rng) for _ in range(8)]
    assert {len(view.instances) for view in views} == {1, 2}
    view = next(view for view in views if len(view.instances) == 2)
    left, pasted = (instance.geometry for instance in view.instances)
    assert pasted == donor.instances[0].geometry
    assert left.area == pytest.approx(SHAPE.difference(pasted).area)
    inside = pixel_mask(pasted.buffer(-2), Window(0, 0, WIDTH, HEIGHT)) > 0
    outside = pixel_mask(pasted.buffer(2), Window(0, 0, WIDTH, HEIGHT)) == 0
    np.testing.assert_array_equal(view.image[inside], donor.image[inside])
    np.testing.assert_array_equal(view.image[outside], ground.image[outside])


def test_what_lies_on_a_pasted_object_comes_along() -> None:
    donor = painted()
    on_it = shapely.box(70, 60, 80, 70)
    beside = shapely.box(140, 30, 160, 70)
    donor = replace(donor, instances=(*donor.instances, Instance(on_it, 2, True),
                                      Instance(beside, 2)))  # fmt: skip
    ground = replace(painted(), instances=())
    rng = np.random.default_rng(0)
    for _ in range(8):
        kept = paste(ground, donor, PLAIN, rng).instances
        if any(instance.geometry == SHAPE for instance in kept):
            assert any(i.geometry == on_it and i.crowd for i in kept)
            parts = [i for i in kept if i.class_id == 2 and i.geometry.intersects(beside)]
            assert all(i.crowd or i.geometry == beside for i in parts)
            break
    else:
        raise AssertionError("nothing was pasted")


def test_objects_on_nodata_are_not_pasted() -> None:
    donor = painted()
    valid = np.ones(donor.image.shape[:2], bool)
    valid[90:] = False
    donor = replace(donor, valid=valid)
    rng = np.random.default_rng(0)
    ground = painted()
    assert all(paste(ground, donor, PLAIN, rng) is ground for _ in range(6))


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"scale": (2, 0.5)}, "scale"),
        ({"scale": (0, 1)}, "scale"),
        ({"contrast": -0.2}, "contrast"),
        ({"jpeg": 1.5}, "jpeg"),
        ({"noise": -1}, "noise"),
    ],
)
def test_limits_that_cannot_be(limit: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Augmentation(**limit)


def test_an_object_almost_covered_becomes_crowd_and_a_covered_one_is_gone() -> None:
    donor, rng = painted(SHAPE.buffer(3)), np.random.default_rng(0)
    shifted = painted(shapely.affinity.translate(SHAPE, 0, -8))
    covered = [paste(painted(), donor, PLAIN, rng).instances for _ in range(8)]
    assert any(len(found) == 1 and found[0].geometry == donor.instances[0].geometry
               for found in covered)  # fmt: skip
    almost = [paste(shifted, donor, PLAIN, rng).instances for _ in range(8)]
    assert any(len(found) == 2 and found[0].crowd for found in almost)


@pytest.mark.parametrize("seed", range(20))
def test_label_stays_on_the_object_through_everything(seed: int) -> None:
    mild = Augmentation(brightness=0.05, contrast=0.1, min_visible=0)
    view = augment(painted(), 192, mild, np.random.default_rng(seed))
    assert view.image.shape == (192, 192, 3)
    if view.instances and view.instances[0].geometry.area > 1000:
        assert overlap(view) > 0.97


def test_the_same_seed_gives_the_same_view() -> None:
    one, two, other = (
        augment(painted(), 96, Augmentation(), np.random.default_rng([7, i])) for i in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.image, two.image)
    assert [i.box for i in one.instances] == [i.box for i in two.instances]
    assert (one.image != other.image).any()


def test_scale_covers_its_range_and_no_more() -> None:
    exact = replace(PLAIN, scale=(0.5, 2.0), min_visible=0, min_side=0)
    rng = np.random.default_rng(0)
    small = Sample(np.ones((20, 20, 1), np.uint8), (Instance(shapely.box(0, 0, 20, 20), 1),))
    views = [random_view(small, 64, exact, rng) for _ in range(200)]
    scales = [np.sqrt(view.instances[0].geometry.area) / 20 for view in views]
    assert 0.5 <= min(scales) < 0.55
    assert 1.8 < max(scales) <= 2.0


def test_a_small_image_lands_whole_within_the_view() -> None:
    rng = np.random.default_rng(2)
    exact = replace(PLAIN, scale=(1, 1))
    for _ in range(20):
        view = random_view(painted(), 300, exact, rng)
        assert view.valid is not None
        assert view.valid.sum() == HEIGHT * WIDTH
        np.testing.assert_array_equal(view.image.any(axis=2), view.valid)
        assert view.instances[0].geometry.area == pytest.approx(SHAPE.area)


def test_views_at_scale_one_keep_pixels_sharp() -> None:
    sample = painted()
    view = random_view(sample, 100, replace(PLAIN, scale=(1, 1)), np.random.default_rng(5))
    places = np.lib.stride_tricks.sliding_window_view(sample.image, (100, 100, 3))
    assert (places[:, :, 0] == view.image).all((-1, -2, -3)).any()


def square(side: float) -> Sample:
    """A square object with its upper left corner at (50, 50)."""
    shape = shapely.box(50, 50, 50 + side, 50 + side)
    return Sample(np.full((HEIGHT, WIDTH, 3), 99, np.uint8), (Instance(shape, 2),))


@pytest.mark.parametrize(("left", "crowd"), [(0, False), (65, False), (67, True), (69.999, True)])
def test_a_mostly_hidden_object_becomes_crowd(left: float, crowd: bool) -> None:
    (seen,) = crop(square(20), Frame(left, 40, 64, 64), 64, replace(PLAIN, min_side=0)).instances
    assert (seen.crowd, seen.class_id) == (crowd, 2)


def test_an_object_larger_than_the_view_is_one_where_it_fills_it() -> None:
    (seen,) = crop(square(120), Frame(90, 90, 40, 40), 40, PLAIN).instances
    assert not seen.crowd
    assert seen.box == (0, 0, 40, 40)


def test_a_tiny_object_becomes_crowd() -> None:
    (seen,) = crop(square(10), Frame(20, 20, 96, 96), 32, PLAIN).instances
    assert seen.crowd


def test_what_the_view_does_not_show_is_gone() -> None:
    assert crop(square(20), Frame(70, 0, 64, 64), 64, PLAIN).instances == ()


def test_an_image_without_objects_is_legal() -> None:
    empty = Sample(painted().image, ())
    assert augment(empty, 128, Augmentation(), np.random.default_rng(0)).instances == ()


def test_crowds_stay_crowds() -> None:
    crowd = Sample(painted().image, (Instance(SHAPE, 1, crowd=True),))
    view = augment(crowd, 256, replace(PLAIN, scale=(1, 1)), np.random.default_rng(0))
    assert view.instances[0].crowd


RANGES = {
    "uint8": BYTES,
    "uint16": ValueRange((300.0,) * 4, (4000.0,) * 4),
    "int16": ValueRange((-2500.0,) * 4, (900.0,) * 4),
    "float32": ValueRange((-0.2,) * 4, (0.9,) * 4),
}


def of_range(dtype: str, bands: int = 4) -> np.ndarray:
    """[40, 50, bands] of values from the range of `dtype`."""
    low, high = RANGES[dtype].low[0], RANGES[dtype].high[0]
    shares = np.random.default_rng(1).uniform(0.05, 0.95, (40, 50, bands))
    return (low + (high - low) * shares).astype(dtype)


@pytest.mark.parametrize("dtype", RANGES)
def test_colours_change_within_the_range_and_nodata_stays(dtype: str) -> None:
    image = of_range(dtype)
    valid = np.ones((40, 50), bool)
    valid[:, :9] = False
    image[~valid] = 0
    sample = Sample(image, (), valid)
    low, span = RANGES[dtype].low_and_span()
    changed = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        jittered = jitter_colours(sample, Augmentation(), rng, RANGES[dtype]).image
        assert jittered.dtype == dtype
        assert not jittered[~valid].any()
        shares = (jittered[valid] - low) / span
        assert -0.5 < shares.min() < shares.max() < 1.8
        changed.append(np.abs(shares - (image[valid] - low) / span).mean())
    assert 0.02 < np.mean(changed) < 0.2


@pytest.mark.parametrize("dtype", RANGES)
@pytest.mark.parametrize("bands", [1, 2, 12])
def test_no_jitter_is_no_change_for_any_bands(dtype: str, bands: int) -> None:
    image = of_range(dtype, bands)
    values = ValueRange(RANGES[dtype].low[:1], RANGES[dtype].high[:1])
    same = jitter_colours(Sample(image, ()), PLAIN, np.random.default_rng(0), values).image
    np.testing.assert_allclose(same, image, atol=1e-6)


@pytest.mark.parametrize(("dtype", "bands"), [("uint8", 1), ("uint8", 3), ("uint16", 4)])
def test_haze_brightens_and_jpeg_is_for_bytes_only(dtype: str, bands: int) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(20, 60, (64, 64, bands)).astype(dtype)
    values = BYTES if dtype == "uint8" else ValueRange((0.0,), (255.0,))
    hazy = jitter_colours(Sample(image, ()), replace(PLAIN, haze=1), rng, values).image
    assert hazy.mean() > image.mean() + 10
    assert hazy.std() < image.std() + 10
    packed = jitter_colours(Sample(image, ()), replace(PLAIN, jpeg=1), rng, values).image
    assert (packed != image).any() == (dtype == "uint8")
    assert abs(packed.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 3


def test_the_same_draw_changes_dark_and_bright_images_alike() -> None:
    """What a value becomes does not hang on the brightest pixel of its image."""
    values = ValueRange((0.0,), (5000.0,))
    dark = np.full((8, 8, 1), 400, np.uint16)
    bright = dark.copy()
    bright[0, 0] = 60_000
    only_gamma = replace(PLAIN, gamma=0.5)
    views = [
        jitter_colours(Sample(image, ()), only_gamma, np.random.default_rng(3), values).image
        for image in (dark, bright)
    ]
    assert views[0][4, 4] == views[1][4, 4] != 400
    assert views[1][0, 0] > 20_000


def test_integers_stay_in_their_type() -> None:
    white = Sample(np.full((8, 8, 2), 65_535, np.uint16), ())
    values = ValueRange((0.0,) * 2, (65_535.0,) * 2)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        view = jitter_colours(white, replace(PLAIN, brightness=0.3), rng, values).image
        assert view.min() > 30_000


def test_no_jitter_is_no_change() -> None:
    sample = painted()
    same = jitter_colours(sample, PLAIN, np.random.default_rng(0))
    np.testing.assert_array_equal(same.image, sample.image)


def test_black_pixels_that_are_data_do_not_count_as_nodata() -> None:
    black = Sample(np.zeros((8, 8, 3), np.uint8), ())
    brighter = [
        jitter_colours(black, replace(PLAIN, brightness=0.2), np.random.default_rng(i)).image.max()
        for i in range(5)
    ]
    assert max(brighter) > 0
