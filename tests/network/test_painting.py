"""Soft masks in whole images, by each geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geomrcnn.network.painting import paint, whole_boxes
from tests.oracles.paste import paste


def soft_masks(count: int, least: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(count)
    return (least + (1 - least) * rng.random((count, 14, 14))).astype(np.float32)


def test_boxes_as_they_are():
    boxes = np.array([[3.3, 4.8, 31.2, 25.1], [-4, 10, 9.5, 47.7], [20, 20, 20, 30]], np.float32)
    masks = soft_masks(3)
    painted = paint(masks, boxes, 40, 44)
    for pixels, mask, box in zip(painted[:2], masks, boxes, strict=False):
        soft = paste(mask, box, 40, 44)
        clear = np.abs(soft - 0.5) > 1e-5
        np.testing.assert_array_equal(pixels[clear], soft[clear] >= 0.5)
    assert not painted[2].any()


def test_torchvision_pastes_like_torchvision(shared: Path):
    ops = dict(np.load(shared / "fixtures/torchvision_ops.npz"))
    soft = ops["paste_result"][:, 0].astype(np.float32)
    painted = paint(ops["paste_masks"][:, 0], ops["paste_boxes"], 120, 150, "torchvision")
    clear = np.abs(soft - 0.5) > 1e-3  # they were recorded as float16
    np.testing.assert_array_equal(painted[clear], soft[clear] > 0.5)
    assert painted.any(axis=(1, 2)).sum() > 3


def test_matterport_rounds_boxes_and_fades_at_their_sides():
    box = np.array([[3.4, 4.6, 31.5, 25.1]], np.float32)
    np.testing.assert_array_equal(whole_boxes(box), [[3, 5, 32, 25]])
    (mask,) = soft_masks(1)
    (pixels,) = paint(mask[None], box, 40, 44, "matterport")
    soft = paste(mask, whole_boxes(box)[0], 40, 44)
    soft[:5] = soft[25:] = soft[:, :3] = soft[:, 32:] = 0
    clear = np.abs(soft - 0.5) > 1e-5
    np.testing.assert_array_equal(pixels[clear], soft[clear] >= 0.5)


@pytest.mark.parametrize("geometry", ["aligned", "torchvision", "matterport"])
def test_a_certain_mask_fills_its_box(geometry):
    box = np.array([[10, 5, 30, 25]], np.float32)
    painted = paint(np.ones((1, 28, 28), np.float32), box, 40, 44, geometry)[0]
    inner = painted[6:24, 11:29]
    assert inner.all()
    ring = 2 if geometry == "torchvision" else 0
    assert painted.sum() <= (20 + ring) ** 2
    assert painted.sum() >= 19**2


def test_matterport_lifts_what_fades_to_the_least_of_the_mask():
    box = np.array([[10, 5, 30, 25]], np.float32)
    painted = paint(soft_masks(1, least=0.5), box, 40, 44, "matterport")[0]
    assert painted[5:25, 10:30].all()
    assert painted.sum() == 400
