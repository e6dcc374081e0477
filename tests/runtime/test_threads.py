"""The number of threads changes no bit of what is found."""

from __future__ import annotations

import numpy as np
import pytest

from geomrcnn.data.landscape import landscape
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import load_detector


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_one_thread_finds_what_two_find_to_the_bit(precision: str) -> None:
    image = landscape(3, (1024, 1024), 2.0).image
    tile = Tile(0, 0, Window(0, 0, 1024, 1024), image, np.ones((1024, 1024), bool))
    found = []
    for threads, streams in ((1, 1), (2, 1), (2, 2)):
        detector = load_detector("fields", precision=precision, threads=threads, streams=streams)
        found += detector.detect([tile])
    assert len(found[0]) > 40
    for other in found[1:]:
        for name in ("boxes", "scores", "classes", "masks"):
            np.testing.assert_array_equal(getattr(other, name), getattr(found[0], name))
