"""Images of any size into the arrays a network sees, and its boxes back. NumPy only.

Sizes are (height, width) in pixels. Most networks here take images as they are; those with
`image_min_side` or `image_max_side` resize them first, each geometry as its makers did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geomrcnn.network.config import CENTRED_SIZE_DIVISOR, SIZE_DIVISOR, MaskRCNNConfig
from geomrcnn.network.geometry import GEOMETRIES

Size = tuple[int, int]


@dataclass(frozen=True)
class Frame:
    """Where an image lies in the array that the network sees."""

    image: Size
    """Of the image as given."""
    resized: Size
    offset: Size
    """Rows and columns of padding above and to the left of it."""
    array: Size

    @property
    def window(self) -> np.ndarray:
        """[4] float32, the box of the image in the array."""
        (top, left), (height, width) = self.offset, self.resized
        return np.array([left, top, left + width, top + height], np.float32)


def frame_for(config: MaskRCNNConfig, height: int, width: int, side: int = 0) -> Frame:
    """The frame of an image of this size; padding fills it up to `side` at least."""
    image = height, width
    if not GEOMETRIES[config.geometry].centred:
        scale = _scale(config, image)
        resized = math.floor(height * scale), math.floor(width * scale)
        return Frame(image, resized, (0, 0), _filled(resized, SIZE_DIVISOR, side))
    scale = _enlarging_scale(config, image)
    resized = round(height * scale), round(width * scale)
    array = _filled(resized, CENTRED_SIZE_DIVISOR, max(config.image_max_side, side))
    offset = (array[0] - resized[0]) // 2, (array[1] - resized[1]) // 2
    return Frame(image, resized, offset, array)


def _scale(config: MaskRCNNConfig, image: Size) -> float:
    """So that both limits hold (torchvision, detectron2)."""
    limits = (config.image_min_side / min(image), config.image_max_side / max(image))
    return min((limit for limit in limits if limit > 0), default=1.0)


def _enlarging_scale(config: MaskRCNNConfig, image: Size) -> float:
    """So that the shorter side is reached and the longer does not exceed its limit (matterport)."""
    scale = max(1.0, config.image_min_side / min(image))
    if 0 < config.image_max_side < round(max(image) * scale):
        scale = config.image_max_side / max(image)
    return scale


def _filled(size: Size, divisor: int, least: int) -> Size:
    height, width = (max(least, -(-n // divisor) * divisor) for n in size)
    return height, width


def place(
    image: np.ndarray, frame: Frame, config: MaskRCNNConfig, *, whole_numbers: bool
) -> np.ndarray:
    """What the network sees of an image, as one more step than a copy only where it must be.

    Args:
        image: [height, width, bands] raw pixel values.
        frame: Of its size.
        config: Of the network.
        whole_numbers: Whether the pixel values are: some geometries keep them so.

    Returns:
        [*frame.array, bands] float32 raw pixel values. The padding is of the mean colour, which
        is nothing to the network, or of zeros where the network was trained so. It may be the
        image itself.
    """
    centred = GEOMETRIES[config.geometry].centred
    if centred:
        resized = _resize(image.astype(np.float64), frame.resized, "grid-constant")
        resized = np.clip(resized, image.min(), image.max())
        resized = np.trunc(resized) if whole_numbers else resized
    else:
        resized = _resize(image.astype(np.float32, copy=False), frame.resized, "nearest")
    if frame.array == frame.resized:
        return np.ascontiguousarray(resized, np.float32)
    colour = np.zeros(image.shape[2]) if centred else np.asarray(config.pixel_mean)
    array = np.empty((*frame.array, image.shape[2]), np.float32)
    array[:] = colour
    (top, left), (height, width) = frame.offset, frame.resized
    array[top : top + height, left : left + width] = resized
    return array


def _resize(image: np.ndarray, size: Size, border: str) -> np.ndarray:
    """[h, w, bands] to `size`: bilinear, half-pixel centres, no smoothing.

    This is PyTorch's `interpolate` with the border "nearest", and scikit-image's `resize` of
    order 1 with "grid-constant", where the border fades to zero.
    """
    if image.shape[:2] == size:
        return image
    from scipy import ndimage  # 0.1 s, for which no graph should wait

    zoom = (size[0] / image.shape[0], size[1] / image.shape[1], 1)
    resized: np.ndarray = ndimage.zoom(image, zoom, order=1, mode=border, grid_mode=True)
    return resized


def boxes_in_image(boxes: np.ndarray, frame: Frame, config: MaskRCNNConfig) -> np.ndarray:
    """Boxes [N, 4] of the array as float32 boxes of the image as given."""
    far = GEOMETRIES[config.geometry].far_corner
    inset = np.array([0, 0, far, far])

    def along(size: Size) -> np.ndarray:
        return np.array([size[1], size[0]] * 2, np.float64)

    scale = (along(frame.image) - far) / np.maximum(along(frame.resized) - far, 1)
    moved: np.ndarray = (boxes - inset - along(frame.offset)) * scale + inset
    return moved.astype(np.float32)
