"""Which windows become chips, what they show, and that no ground is in two splits."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.data.blocks import BlockGrid, deal, footprints
from geomrcnn.data.cutting import Cutting
from geomrcnn.data.layers import window_box
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.data.rasters import CutRasters, cut_rasters
from geomrcnn.errors import DataError, TooFewBlocksError
from geomrcnn.raster.tile import Window
from tests.labelled import BRIGHT, squares, write_layer, write_scene
from tests.rasters import NORTH_UP

SIZE = 256
GRID = squares(8, 8, 32, 12)
THIRDS = Cutting(tile=32, negatives=0, split=(0.5, 0.25, 0.25), block=2)


@pytest.fixture
def scene(tmp_path: Path) -> tuple[Path, Path]:
    """64 squares, labelled in degrees."""
    raster = write_scene(tmp_path / "a.tif", SIZE, GRID)
    return raster, write_layer(tmp_path / "a.geojson", GRID, to="EPSG:4326")


def shown(made: CutRasters, split: str = "train") -> list[tuple[np.ndarray, np.ndarray]]:
    """Label masks and brightness of each chip."""
    dataset = made.splits[split]
    pairs = []
    for index in range(len(dataset)):
        sample = dataset.sample(index)
        height, width = sample.image.shape[:2]
        mask = np.zeros((height, width), bool)
        for instance in sample.instances:
            mask |= pixel_mask(instance.geometry, Window(0, 0, width, height)) > 0
        pairs.append((mask, sample.image[..., 0] == BRIGHT))
    return pairs


@given(st.integers(1, 400), st.integers(1, 400), st.integers(8, 90), st.integers(1, 4),
       st.integers(0, 40))  # fmt: skip
def test_tiles_cover_their_block_and_stay_in_it(
    width: int, height: int, tile: int, block: int, overlap: int
) -> None:
    overlap = min(overlap, tile - 1)
    grid = BlockGrid(width, height, tile + (block - 1) * (tile - overlap))
    seen = np.zeros((height, width), np.int64)
    for index in range(len(grid)):
        left, top, across, down = grid.window(index)
        own = np.zeros((height, width), bool)
        for column, row, *_ in grid.tiles(index, tile, overlap):
            own[row : row + tile, column : column + tile] = True
        assert own[top : top + down, left : left + across].all()
        assert own.sum() == across * down
        seen += own
    assert (seen == 1).all()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=3, max_size=60),
    st.integers(0, 99),
)
def test_every_split_gets_objects_and_groups_stay_together(
    counts: list[tuple[int, int]], seed: int
) -> None:
    table = np.array(counts)
    groups = np.arange(len(table)) // 2
    labelled = np.unique(groups[table.any(axis=1)])
    if len(labelled) < 3:
        with pytest.raises(DataError, match="too few for 3 splits"):
            deal(table, groups, (0.8, 0.1, 0.1), seed)
        return
    splits = deal(table, groups, (0.8, 0.1, 0.1), seed)
    assert all(table[splits == split].any() for split in range(3))
    assert all(len(set(splits[groups == group])) == 1 for group in groups)


def test_shares_come_out_for_each_class() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson([20, 3], (80, 2))
    splits = deal(counts, np.arange(80), (0.7, 0.2, 0.1), 0)
    got = np.array([counts[splits == split].sum(axis=0) for split in range(3)])
    np.testing.assert_allclose(
        got / counts.sum(axis=0), [[0.7] * 2, [0.2] * 2, [0.1] * 2], atol=0.05
    )
    assert (deal(counts, np.arange(80), (1, 0, 0), 0) == 0).all()
    assert (splits != deal(counts, np.arange(80), (0.7, 0.2, 0.1), 1)).any()


def test_labels_lie_on_their_objects(scene: tuple[Path, Path]) -> None:
    made = cut_rasters([scene[0]], scene[1], gsd=None, cutting=THIRDS)
    for split in ("train", "val", "test"):
        for mask, bright in shown(made, split):
            np.testing.assert_array_equal(mask, bright)
    reports = [made.splits[split].report for split in ("train", "val", "test")]
    assert [report.instances for report in reports] == [32, 16, 16]


def test_objects_at_another_gsd(scene: tuple[Path, Path]) -> None:
    """Pixels of 2.0008 m read at 1 m: everything is twice as large."""
    made = cut_rasters([scene[0]], scene[1], gsd=1.0, cutting=Cutting(tile=64, split=(1, 0, 0)))
    dataset = made.splits["train"]
    assert dataset.gsd(0) == 1.0
    areas = [i.geometry.area for k in range(len(dataset)) for i in dataset.sample(k).instances]
    assert sum(areas) == pytest.approx(64 * 24**2, rel=0.01)


def test_no_pixel_is_in_two_splits(scene: tuple[Path, Path]) -> None:
    cutting = Cutting(tile=40, overlap=20, negatives=0.3, split=(0.5, 0.25, 0.25), block=2)
    made = cut_rasters([scene[0]], scene[1], gsd=None, cutting=cutting)
    ground = {
        split: shapely.union_all([window_box(c.window) for c in made.cut.chips if c.split == split])
        for split in ("train", "val", "test")
    }
    frame = shapely.box(0, 0, SIZE, SIZE)
    for one, other in combinations(ground.values(), 2):
        assert one.intersection(other).intersection(frame).area == 0


def test_the_same_seed_cuts_the_same_chips(scene: tuple[Path, Path]) -> None:
    cuts = [
        cut_rasters(
            [scene[0]], scene[1], gsd=None, cutting=Cutting(tile=32, block=1, seed=seed)
        ).cut
        for seed in (3, 3, 4)
    ]
    assert cuts[0] == cuts[1]
    assert cuts[0] != cuts[2]


def test_clipped_objects_become_crowds(tmp_path: Path) -> None:
    """Three quarters of one object in the left chip, the rest in the right one."""
    shapes = [shapely.box(20, 4, 36, 20), shapely.box(40, 4, 50, 14)]
    raster = write_scene(tmp_path / "a.tif", 64, shapes)
    labels = write_layer(tmp_path / "a.gpkg", shapes)
    cutting = Cutting(tile=32, min_visible=0.3, negatives=0, split=(1, 0, 0))
    dataset = cut_rasters([raster], labels, gsd=None, cutting=cutting).splits["train"]
    left, right = (dataset.sample(index).instances for index in range(2))
    assert [(i.box, i.crowd) for i in left] == [((20, 4, 32, 20), False)]
    assert {(i.box, i.crowd) for i in right} == {((0, 4, 4, 20), True), ((8, 4, 18, 14), False)}
    assert (dataset.report.instances, dataset.report.crowds) == (3, 1)


def test_negatives_keep_their_share(tmp_path: Path) -> None:
    shapes = squares(2, 8, 32, 12)
    raster = write_scene(tmp_path / "a.tif", SIZE, shapes)
    labels = write_layer(tmp_path / "a.gpkg", shapes)

    def negatives(share: float) -> int:
        cutting = Cutting(tile=32, negatives=share, split=(1, 0, 0))
        made = cut_rasters([raster], labels, gsd=None, cutting=cutting)
        return sum(not any(chip.objects) for chip in made.cut.chips)

    assert (negatives(0), negatives(0.2), negatives(0.5), negatives(0.9)) == (0, 4, 16, 48)


def test_outside_the_area_of_interest_nothing_is_looked_at(
    scene: tuple[Path, Path], tmp_path: Path
) -> None:
    """The area ends in the middle of the second column of squares, and of the second row."""
    area = write_layer(tmp_path / "aoi.gpkg", [shapely.box(0, 0, 48, 48)], to="EPSG:3857")
    cutting = Cutting(tile=64, negatives=0.5, split=(1, 0, 0))
    made = cut_rasters([scene[0]], scene[1], gsd=None, aoi=area, cutting=cutting)
    dataset = made.splits["train"]
    assert len(dataset) == 1
    sample = dataset.sample(0)
    assert sample.valid is not None
    assert sample.valid[:48, :48].all()
    assert sample.valid.sum() == 48 * 48
    assert sample.image[~sample.valid].max() == 0
    assert sorted(i.crowd for i in sample.instances) == [False, True, True, True]
    assert made.unused == 60


def test_windows_without_data_are_left_out(tmp_path: Path) -> None:
    """The left half is nodata; so is most of the object in the middle."""
    shapes = [shapely.box(20, 4, 36, 20), shapely.box(40, 4, 50, 14), shapely.box(4, 4, 9, 9)]
    mask = np.full((64, 64), 255, np.uint8)
    mask[:, :34] = 0
    raster = write_scene(tmp_path / "a.tif", 64, shapes, mask=mask)
    labels = write_layer(tmp_path / "a.gpkg", shapes)
    cutting = Cutting(tile=32, negatives=0, split=(1, 0, 0))
    made = cut_rasters([raster], labels, gsd=None, cutting=cutting)
    (sample,) = (made.splits["train"].sample(k) for k in range(len(made.cut.chips)))
    assert made.cut.without_data == 1
    assert [(i.box, i.crowd) for i in sample.instances] == [
        ((0, 4, 4, 20), True),
        ((8, 4, 18, 14), False),
    ]


def test_a_raster_smaller_than_a_chip_is_one_chip(tmp_path: Path) -> None:
    shape = shapely.box(4, 4, 12, 12)
    raster = write_scene(tmp_path / "a.tif", 20, [shape])
    labels = write_layer(tmp_path / "a.gpkg", [shape])
    dataset = cut_rasters([raster], labels, gsd=None).splits["train"]
    (instance,) = dataset.sample(0).instances
    assert (len(dataset), instance.box, instance.crowd) == (1, (4, 4, 12, 12), False)


def test_labels_on_nothing_but_nodata(tmp_path: Path) -> None:
    shape = shapely.box(4, 4, 12, 12)
    nothing = np.zeros((20, 20), np.uint8)
    raster = write_scene(tmp_path / "a.tif", 20, [shape], mask=nothing)
    labels = write_layer(tmp_path / "a.gpkg", [shape])
    with pytest.raises(DataError, match=r"a\.tif: no chip is left .* 1 windows hold hardly any"):
        cut_rasters([raster], labels, gsd=None)


def test_rasters_of_one_place_do_not_leak(tmp_path: Path) -> None:
    """The second raster lies 40 pixels off, so that its blocks fit those of the first nowhere."""
    labels = write_layer(tmp_path / "a.gpkg", GRID)
    a, b, c, d, e, f = tuple(NORTH_UP)[:6]
    aside = Affine(a, b, c + 40 * a, d, e, f + 40 * e)
    first = write_scene(tmp_path / "a.tif", SIZE, GRID)
    second = write_scene(tmp_path / "b.tif", SIZE, GRID, transform=aside)
    made = cut_rasters([first, second], labels, gsd=None, cutting=THIRDS)
    chips = made.cut.chips
    outlines = [footprints(made.rasters[chip.raster], [chip.window])[0] for chip in chips]
    for (one, here), (other, there) in combinations(zip(chips, outlines, strict=True), 2):
        if one.split != other.split:
            assert here.intersection(there).area < 0.001 * here.area
    assert made.cut.leaks > 0
    assert {chip.split for chip in chips} == {"train", "val", "test"}


def test_a_split_that_leaks_away_is_said_to(tmp_path: Path) -> None:
    """One raster is for training, as most objects are on it; the other two share some ground."""
    a, b, c, d, e, f = tuple(NORTH_UP)[:6]
    grid = squares(4, 4, 16, 8)
    shapes = [*grid, *(shapely.box(x, 8, x + 8, 16) for x in (200, 270))]
    labels = write_layer(tmp_path / "a.gpkg", shapes)
    rasters = [
        write_scene(tmp_path / f"{left}.tif", 64, [], Affine(a, b, c + left * a, d, e, f))
        for left in (0, 190, 230)
    ]
    cutting = Cutting(tile=64, negatives=0)
    with pytest.raises(TooFewBlocksError, match=r"of 3 chips none is left for val: .* --split"):
        cut_rasters(rasters, labels, gsd=None, cutting=cutting)


def test_chips_overlap_everywhere_where_nothing_is_kept_apart(scene: tuple[Path, Path]) -> None:
    for split, block, void in (((1, 0, 0), 256, False), ((0.5, 0.25, 0.25), 64, True)):
        cutting = Cutting(tile=64, overlap=32, negatives=0, split=split)
        made = cut_rasters([scene[0]], scene[1], gsd=None, cutting=cutting)
        assert made.cut.block == block
        assert len(made.cut.chips) == (16 if void else 49)
        assert any("overlap is void" in line for line in made.lines()) == void


def test_two_pictures_of_one_place_go_to_one_split(tmp_path: Path) -> None:
    labels = write_layer(tmp_path / "a.gpkg", GRID)
    rasters = [write_scene(tmp_path / f"{name}.tif", SIZE, GRID) for name in "ab"]
    made = cut_rasters(rasters, labels, gsd=None, cutting=THIRDS)
    assert made.cut.leaks == 0
    halves = [{(c.window, c.split) for c in made.cut.chips if c.raster == k} for k in range(2)]
    assert halves[0] == halves[1]


def test_labels_elsewhere_are_said_to_be(scene: tuple[Path, Path], tmp_path: Path) -> None:
    far = write_layer(tmp_path / "far.gpkg", [shapely.box(9000, 9000, 9100, 9100)])
    with pytest.raises(DataError, match=r"no label lies on .*a\.tif"):
        cut_rasters([scene[0]], far, gsd=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 512}, "overlap must be less than the tile"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"negatives": 1.0}, "share of negatives"),
        ({"split": (0.0, 1.0, 0.0)}, "the first of them more than 0"),
    ],
)
def test_numbers_that_cannot_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Cutting(**options)
