"""How pixels are shown to a network that was learnt on others: measuring and scaling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from geomrcnn.data.dataset import Dataset, PixelType
from geomrcnn.data.statistics import BandStatistics, fitted_scaling, is_true_colour, measure
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.training.run import RunConfig


def statistics_for(
    dataset: Dataset,
    pixels: PixelType,
    seed: int,
    resumed: Path | None,
    say: Callable[[str], None],
) -> BandStatistics | None:
    """How bright the bands are; None for 8-bit RGB, which weights know.

    A run that is `resumed` keeps what it measured when it began.

    Raises:
        GeomrcnnError: an image cannot be read, or there is no such run.
    """
    if resumed is not None:
        return RunConfig.read(resumed).statistics
    if is_true_colour(pixels):
        return None
    statistics = measure(dataset, seed)
    brightness = (
        f"{name} {mean:g} ± {std:g}"
        for name, mean, std in zip(pixels.bands, statistics.mean, statistics.std, strict=True)
    )
    say(f"pixels of {pixels.dtype}, scaled by what was measured: {', '.join(brightness)}")
    return statistics


def scaled_for(
    config: MaskRCNNConfig,
    learnt_on: PixelType,
    pixels: PixelType,
    statistics: BandStatistics | None,
) -> MaskRCNNConfig:
    """The network with a pixel scaling for `pixels`.

    Weights learnt on such pixels keep the scaling they have, those learnt on 8-bit RGB are shown
    others as if they were photographs.

    Args:
        config: Of the network, its bands being those of `pixels`, its scaling that of the weights.
        learnt_on: What the weights were learnt on.
        pixels: What is to be trained on.
        statistics: Of the latter, where it is not 8-bit RGB.

    Raises:
        DataError: the weights were learnt on pixels of another kind that is not 8-bit RGB either.
    """
    known = is_true_colour(learnt_on)
    alike = (learnt_on.dtype, len(learnt_on.bands)) == (pixels.dtype, len(pixels.bands))
    if alike and known == (statistics is None):
        return config
    if not known or statistics is None:
        raise DataError(
            f"the initial weights were learnt on {learnt_on}, the data has {pixels}: convert it, "
            "or start from imagenet"
        )
    mean, std = fitted_scaling(statistics, config.pixel_mean, config.pixel_std)
    return dataclasses.replace(config, pixel_mean=mean, pixel_std=std)
