"""Images into the arrays networks see, and boxes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.resizing import boxes_in_image, frame_for, place


def config(preset: str, least: int, most: int) -> MaskRCNNConfig:
    return MaskRCNNConfig.preset(preset, image_min_side=least, image_max_side=most)


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(width).integers(20, 200, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "limits", "resized", "offset", "array"),
    [
        ((256, 256), (256, 256), (256, 256), (0, 0), (256, 256)),
        ((200, 300), (256, 320), (213, 320), (53, 0), (320, 320)),
        ((100, 77), (128, 256), (166, 128), (45, 64), (256, 256)),
        ((500, 300), (256, 320), (320, 192), (0, 64), (320, 320)),
        ((1000, 700), (256, 256), (256, 179), (0, 38), (256, 256)),
        ((300, 400), (256, 512), (300, 400), (106, 56), (512, 512)),  # never made smaller
        ((90, 300), (128, 0), (128, 427), (0, 10), (128, 448)),  # only filled up to 64
    ],
)
def test_matterport_sizes(image, limits, resized, offset, array):
    frame = frame_for(config("matterport", *limits), *image)
    assert (frame.resized, frame.offset, frame.array) == (resized, offset, array)


@pytest.mark.parametrize(
    ("image", "limits", "resized", "array"),
    [
        ((256, 256), (256, 256), (256, 256), (256, 256)),
        ((480, 640), (800, 1333), (800, 1066), (800, 1088)),
        ((300, 1000), (800, 1333), (399, 1333), (416, 1344)),
        ((1600, 1200), (800, 1333), (1066, 800), (1088, 800)),
        ((100, 60), (128, 0), (213, 128), (224, 128)),
    ],
)
def test_torchvision_sizes(image, limits, resized, array):
    frame = frame_for(config("torchvision", *limits), *image)
    assert (frame.resized, frame.offset, frame.array) == (resized, (0, 0), array)


def test_by_default_images_are_taken_as_they_are():
    network = MaskRCNNConfig()
    image = photo(40, 70)
    frame = frame_for(network, 40, 70)
    made = place(image, frame, network, whole_numbers=True)
    assert made.shape == (64, 96, 3)
    np.testing.assert_array_equal(made[:40, :70], image)
    np.testing.assert_allclose(made[40:], np.broadcast_to(network.pixel_mean, (24, 96, 3)))
    boxes = np.array([[1.25, 2.5, 33.1, 39.9]], np.float32)
    np.testing.assert_array_equal(boxes_in_image(boxes, frame, network), boxes)
    assert frame_for(network, 40, 70, side=128).array == (128, 128)


def half_pixel(image: np.ndarray, size: tuple[int, int], *, fades: bool) -> np.ndarray:
    """Bilinear resizing one pixel at a time; the border is repeated, or fades to zero."""
    height, width = image.shape[:2]
    result = np.zeros((*size, image.shape[2]))
    for row in range(size[0]):
        for column in range(size[1]):
            y = (row + 0.5) * height / size[0] - 0.5
            x = (column + 0.5) * width / size[1] - 0.5
            for i in (int(np.floor(y)), int(np.floor(y)) + 1):
                for j in (int(np.floor(x)), int(np.floor(x)) + 1):
                    share = max(1 - abs(y - i), 0) * max(1 - abs(x - j), 0)
                    if fades and not (0 <= i < height and 0 <= j < width):
                        continue
                    pixel = image[min(max(i, 0), height - 1), min(max(j, 0), width - 1)]
                    result[row, column] += share * pixel
    return result


def test_torchvision_resizes_with_the_border_repeated():
    network = config("torchvision", 48, 80)
    image = photo(20, 30)
    frame = frame_for(network, 20, 30)
    made = place(image, frame, network, whole_numbers=True)
    wanted = half_pixel(image, (48, 72), fades=False)
    np.testing.assert_allclose(made[:48, :72], wanted, atol=1e-3)
    np.testing.assert_allclose(made[50:], np.broadcast_to(network.pixel_mean, (14, 96, 3)))


def test_matterport_resizes_fading_out_keeps_the_range_and_cuts_off_fractions():
    network = config("matterport", 64, 128)
    image = photo(20, 30)
    frame = frame_for(network, 20, 30)
    wanted = half_pixel(image, (64, 96), fades=True).clip(image.min(), image.max())
    assert (wanted[0] < half_pixel(image, (64, 96), fades=False)[0]).any()
    (top, left), (height, width) = frame.offset, frame.resized
    inner = np.s_[top : top + height, left : left + width]
    real = place(image, frame, network, whole_numbers=False)
    np.testing.assert_allclose(real[inner], wanted, atol=1e-3)
    whole = place(image, frame, network, whole_numbers=True)
    away = np.abs(wanted - np.round(wanted)) > 1e-6
    np.testing.assert_array_equal(whole[inner][away], np.floor(wanted)[away])
    outside = np.ones(whole.shape[:2], bool)
    outside[inner] = False
    assert (whole[outside] == 0).all()


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["torchvision", "matterport"]),
    st.integers(10, 400),
    st.integers(10, 400),
    st.sampled_from([(128, 256), (64, 0), (256, 256)]),
)
def test_the_window_is_the_whole_image(preset, height, width, limits):
    network = config(preset, *limits)
    frame = frame_for(network, height, width)
    assert all(inner <= outer for inner, outer in zip(frame.resized, frame.array, strict=True))
    back = boxes_in_image(frame.window[None], frame, network)
    np.testing.assert_allclose(back[0], [0, 0, width, height], atol=1e-3)
    if limits[1]:
        assert max(frame.resized) <= limits[1]


def test_matterport_boxes_go_back_by_their_last_pixels():
    # The original normalises by (side - 1) in the window and multiplies by (side - 1) again.
    network = config("matterport", 256, 320)
    frame = frame_for(network, 200, 300)
    (top, left), (height, width) = frame.offset, frame.resized
    x1, y1, x2, y2 = 100.0, 120.0, 181.0, 163.0
    (box,) = boxes_in_image(np.array([[x1, y1, x2, y2]], np.float32), frame, network)
    wanted = [
        (x1 - left) / (width - 1) * 299,
        (y1 - top) / (height - 1) * 199,
        (x2 - 1 - left) / (width - 1) * 299 + 1,
        (y2 - 1 - top) / (height - 1) * 199 + 1,
    ]
    np.testing.assert_allclose(box, wanted, atol=1e-3)
