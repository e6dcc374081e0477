"""What is left out because it scores too low changes nothing of the rest."""

import numpy as np
import pytest

from geomrcnn.data.landscape import landscape
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import load_detector
from geomrcnn.runtime.detector import heard_above


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_what_scores_more_stays_to_the_bit(precision: str) -> None:
    image = landscape(3, (512, 512), 2.0).image
    tile = Tile(0, 0, Window(0, 0, 512, 512), image, np.ones((512, 512), bool))
    detector = load_detector("fields", precision=precision, tile=512, streams=1)
    (whole,) = detector.detect([tile])
    for least in (0.0, float(whole.scores[9]), 0.99999):
        (found,) = heard_above(detector, least).detect([tile])
        wanted = int((whole.scores >= least).sum())
        assert wanted <= len(found) <= wanted + 2
        for name in ("boxes", "scores", "classes", "masks"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name)[: len(found)])
    (again,) = detector.detect([tile])
    assert len(again) == len(whole) > 20


def test_others_tell_all() -> None:
    class Other:
        pass

    other = Other()
    assert heard_above(other, 0.5) is other  # type: ignore[arg-type]
