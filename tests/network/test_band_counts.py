"""Networks for any number of bands, with weights that were learnt on three."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.data.statistics import BandStatistics, fitted_scaling
from geomrcnn.network.backbones import build_backbone
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.imagenet import imagenet_scaling, load_imagenet
from geomrcnn.network.weights.stem import spread

NAME = "efficientnet-lite0"
RGB = imagenet_scaling(NAME)


@cache
def backbone(bands: int) -> keras.Model:
    """With ImageNet weights, the stem fitted to `bands`."""
    model = build_backbone(NAME, bands)
    load_imagenet(model, NAME)
    return model


def features(
    images: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]
) -> list[np.ndarray]:
    """C2 to C5 of raw pixels."""
    scaled = ((images - np.array(mean)) / np.array(std)).astype(np.float32)
    return [level.numpy() for level in backbone(images.shape[3])(scaled)]


@pytest.mark.parametrize("bands", [1, 2, 4, 12])
def test_grey_is_grey_however_many_bands_say_so(bands: int) -> None:
    grey = np.random.default_rng(bands).uniform(0, 255, (1, 64, 96, 1))
    ours = features(np.repeat(grey, bands, axis=3), *(spread(v, bands) for v in RGB))
    theirs = features(np.repeat(grey, 3, axis=3), *RGB)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3 * np.abs(other).max())


@pytest.mark.parametrize("bands", [1, 2, 4, 12])
def test_measured_imagery_excites_the_backbone_as_photographs_do(bands: int) -> None:
    """16-bit reflectances, scaled by what was measured, against bytes of the same pattern."""
    pattern = np.random.default_rng(0).standard_normal((1, 96, 96, 1)).cumsum(axis=1).cumsum(axis=2)
    pattern = (pattern - pattern.mean()) / pattern.std()
    statistics = BandStatistics(*((value,) * bands for value in (1500.0, 600.0, 0.0, 4000.0)))
    scaling = fitted_scaling(statistics, *(spread(values, bands) for values in RGB))
    deep = features(1500 + 600 * np.repeat(pattern, bands, axis=3), *scaling)
    photograph = features(116 + 57.6 * np.repeat(pattern, 3, axis=3), *RGB)
    sizes = [[np.abs(level).mean() for level in levels] for levels in (deep, photograph)]
    np.testing.assert_allclose(*sizes, rtol=0.2)


@pytest.mark.parametrize("bands", [1, 2, 4, 12])
def test_the_whole_network_takes_any_number(bands: int) -> None:
    mean, std = (spread(values, bands) for values in RGB)
    model = MaskRCNN(
        MaskRCNNConfig.preset(
            "light",
            bands=bands,
            pixel_mean=mean,
            pixel_std=std,
            proposals_before_nms=20,
            proposals=10,
            score_threshold=0.0,
        )
    )
    load_imagenet(model.backbone, NAME)
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, bands)).astype(np.float32)
    objects = model(tf.constant(image))
    assert len(objects.boxes) > 0
    assert np.isfinite(objects.boxes.numpy()).all()
    assert np.isfinite(objects.masks.numpy()).all()
