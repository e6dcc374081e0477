"""The scaling of pixels a run gets, from its imagery and what its weights were learnt on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import TRUE_COLOUR, PixelType
from geomrcnn.data.landscape import Survey
from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.data.statistics import BandStatistics, common_pixel_type
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.radiometry import scaled_for, statistics_for
from geomrcnn.training.run import RunConfig

DEEP = PixelType("uint16", ("red", "green", "blue"))
MEASURED = BandStatistics((900.0,) * 3, (300.0,) * 3, (10.0,) * 3, (4000.0,) * 3)
PHOTOGRAPHS = MaskRCNNConfig(pixel_mean=(127.0,) * 3, pixel_std=(128.0,) * 3)


def test_weights_of_photographs_see_photographs_as_they_are() -> None:
    assert scaled_for(PHOTOGRAPHS, TRUE_COLOUR, TRUE_COLOUR, None) == PHOTOGRAPHS


def test_weights_of_photographs_see_all_else_by_what_was_measured() -> None:
    infrared = PixelType("uint8", ("nir", "red", "green"))
    for pixels in (DEEP, infrared):
        scaled = scaled_for(PHOTOGRAPHS, TRUE_COLOUR, pixels, MEASURED)
        np.testing.assert_allclose(scaled.pixel_std, 300 / 57.6 * 128, rtol=0.02)
        np.testing.assert_allclose(scaled.pixel_mean, 950, atol=100)


def test_weights_of_such_imagery_keep_their_scaling() -> None:
    own = MaskRCNNConfig(pixel_mean=(5.0,) * 3, pixel_std=(6.0,) * 3)
    assert scaled_for(own, DEEP, DEEP, MEASURED) == own


@pytest.mark.parametrize(
    ("learnt_on", "pixels", "statistics"),
    [(DEEP, TRUE_COLOUR, None), (DEEP, DEEP._replace(dtype="float32"), MEASURED)],
)
def test_weights_of_other_imagery_are_refused(
    learnt_on: PixelType, pixels: PixelType, statistics: BandStatistics | None
) -> None:
    with pytest.raises(DataError, match=r"learnt on 3 bands of uint16 \(red, .* start from"):
        scaled_for(PHOTOGRAPHS, learnt_on, pixels, statistics)


def test_a_run_remembers_what_it_measured(tmp_path: Path) -> None:
    write_dataset(tmp_path, 2, 64, 4.0, 0, overwrite=True, survey=Survey(4, "uint16"))
    dataset = CocoDataset(tmp_path / "coco.json")
    said: list[str] = []
    pixels = common_pixel_type(dataset)
    statistics = statistics_for(dataset, pixels, 0, None, said.append)
    assert statistics is not None
    assert said[0].startswith("pixels of uint16, scaled by what was measured: red ")
    config = MaskRCNNConfig(bands=4, pixel_mean=(0.0,) * 4, pixel_std=(1.0,) * 4)
    run = RunConfig(config, TrainingConfig(), Augmentation(), ("field",), 4.0, pixels, statistics)
    run.write(tmp_path / "run")
    assert RunConfig.read(tmp_path / "run") == run
    other = CocoDataset(tmp_path / "coco.json", bands=(1,))
    assert statistics_for(other, pixels, 0, tmp_path / "run", said.append) == statistics
    assert len(said) == 1


def test_photographs_are_not_measured(tmp_path: Path) -> None:
    write_dataset(tmp_path, 2, 64, 4.0, 0, overwrite=True)
    dataset = CocoDataset(tmp_path / "coco.json")
    assert statistics_for(dataset, common_pixel_type(dataset), 0, None, pytest.fail) is None
