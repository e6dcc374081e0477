"""Random views of labelled images: where one looks, the light, objects pasted from elsewhere.

Every function is pure: sample and random generator in, sample out. Polygons are moved exactly
(shapely), never redrawn from pixels, and pixels are half-pixel exact, so outlines stay on objects.
"""

from geomrcnn.data.augmentation.augment import augment
from geomrcnn.data.augmentation.config import STILL, Augmentation

__all__ = ["STILL", "Augmentation", "augment"]
