"""The shipped model on both runtimes: the same objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape import landscape
from geomrcnn.errors import ModelError
from geomrcnn.inference.ahead import side_by_side
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.resizing import frame_for
from geomrcnn.raster.grid import TileGrid, tiles
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import Detections, Detector, load_detector
from geomrcnn.runtime.batch import to_image
from geomrcnn.runtime.detector import streams_of
from geomrcnn.runtime.load import choose

SAME_SCORE = 1e-3
"""Detections whose scores differ by less may change places."""


@pytest.fixture(scope="module")
def openvino() -> Detector:
    return load_detector("fields", runtime="openvino", precision="fp32")


@pytest.fixture(scope="module")
def keras() -> Detector:
    return load_detector("fields", runtime="tensorflow")


def tile_of(image: np.ndarray) -> Tile:
    height, width = image.shape[:2]
    return Tile(0, 0, Window(0, 0, width, height), image, np.ones((height, width), bool))


def assert_agree(ours: Detections, theirs: Detections, least: float) -> None:
    """Same boxes to 0.1 px, scores to 1e-3 and masks to 1e-2, for scores of at least `least`."""
    count = int((ours.scores >= least).sum())
    assert count > 0
    for k in range(count):
        near = np.abs(theirs.scores - ours.scores[k]) < SAME_SCORE
        apart = np.abs(theirs.boxes - ours.boxes[k]).max(axis=1)
        twin = np.flatnonzero(near & (apart < 0.1) & (theirs.classes == ours.classes[k]))
        assert len(twin) == 1, f"detection {k} of {count} has {len(twin)} twins"
        np.testing.assert_allclose(ours.masks[k], theirs.masks[twin[0]], atol=1e-2)


def test_runtimes_agree_on_synthetic_farmland(openvino, keras):
    side = openvino.card.tile
    tile = tile_of(landscape(77, (side, side), openvino.card.gsd).image)
    (ours,), (theirs,) = openvino.detect([tile]), keras.detect([tile])
    assert_agree(ours, theirs, 0.1)
    assert_agree(theirs, ours, 0.1)


@pytest.mark.parametrize("name", ["train_13", "train_22"])
def test_runtimes_agree_on_real_imagery(openvino, keras, shared: Path, name):
    path = shared / f"data/naip_fields_us/images/{name}.tif"
    card = openvino.card
    with open_raster(path, gsd=card.gsd) as source:
        grid = TileGrid(source.width, source.height, card.tile, card.overlap)
        for tile in tiles(source, list(grid)[:2]):
            (ours,), (theirs,) = openvino.detect([tile]), keras.detect([tile])
            assert_agree(ours, theirs, 0.1)
            assert_agree(theirs, ours, 0.1)


def test_an_empty_tile_has_no_detections(openvino):
    black = tile_of(np.zeros((512, 512, 3), np.uint8))
    (found,) = openvino.detect([black])
    assert found.masks.shape[1:] == (28, 28)
    assert (found.scores < openvino.card.min_score).all()


def test_tiles_smaller_than_the_graph_are_filled_up(openvino):
    image = landscape(5, (300, 200), openvino.card.gsd).image
    (found,) = openvino.detect([tile_of(image)])
    assert np.isfinite(found.boxes).all()


def test_several_tiles_come_back_in_order(openvino):
    field = tile_of(landscape(77, (512, 512), openvino.card.gsd).image)
    black = tile_of(np.zeros((512, 512, 3), np.uint8))
    alone = openvino.detect([field])[0]
    first, second = openvino.detect([black, field])
    np.testing.assert_array_equal(second.boxes, alone.boxes)
    assert len(first) < len(second)


def test_nodata_takes_the_mean_colour():
    image = np.full((40, 64, 3), 9, np.uint8)
    valid = np.ones((40, 64), bool)
    valid[:, 60:] = False
    tile = Tile(0, 0, Window(0, 0, 64, 40), image, valid)
    config = MaskRCNNConfig(pixel_mean=(1.0, 2.0, 3.0))
    made = to_image(tile, frame_for(config, 40, 64), config)
    assert made.shape == (1, 64, 64, 3)
    assert made[0, 10, 10].tolist() == [9, 9, 9]
    assert made[0, 10, 62].tolist() == made[0, 50, 10].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("name", "found"), [("fields", "field"), ("buildings", "building")])
def test_the_shipped_bundles_are_small_and_have_full_cards(name, found):
    bundle = Bundle.open(name)
    assert bundle.path.stat().st_size < 30e6
    card = bundle.card
    assert card.name == name
    assert card.classes == (found,)
    assert card.bands == ("red", "green", "blue")
    assert card.training_data
    assert card.licence
    assert card.metrics


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    with pytest.raises(ModelError, match="fields"):
        load_detector("forests")
    with pytest.raises(ModelError, match="openvino, tensorflow"):
        load_detector("fields", runtime="torch")
    text = tmp_path / "model.zip"
    text.write_text("not a zip")
    with pytest.raises(ModelError, match="not a geomrcnn model bundle"):
        load_detector(text)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_number_of_threads_changes_no_bit(precision: str) -> None:
    """So any number of workers, which share the cores, gives the same features."""
    tile = tile_of(landscape(3, (512, 512), 2.0).image)
    one, two = (
        choose("fields", precision=precision, tile=512).load(threads, 1).detect([tile])[0]
        for threads in (1, 2)
    )
    assert len(one) > 20
    for name in ("boxes", "scores", "classes", "masks"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_tiles_side_by_side_are_those_one_by_one() -> None:
    scenes = [tile_of(landscape(seed, (512, 512), 2.0).image) for seed in range(8)]
    alone, several = (
        load_detector("fields", tile=512, threads=2, streams=streams) for streams in (1, 4)
    )
    assert (streams_of(alone), streams_of(several)) == (1, 2), "at most one for each thread"
    found = side_by_side(lambda scene: several.detect([scene])[0], scenes, streams_of(several))
    for ours, theirs in zip(found, alone.detect(scenes), strict=True):
        assert len(ours)
        for name in ("boxes", "scores", "classes", "masks"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
