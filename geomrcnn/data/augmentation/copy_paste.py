"""Objects of one view on the ground of another (Ghiasi et al. 2021, "Simple Copy-Paste")."""

from __future__ import annotations

import math

import cv2
import numpy as np
import shapely

from geomrcnn.data.augmentation.config import Augmentation
from geomrcnn.data.augmentation.views import like
from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import polygonal

SLIVER = 1.0
"""Square pixels: neighbours that are drawn along each other overlap by less."""


def paste(
    ground: Sample, donor: Sample, augmentation: Augmentation, rng: np.random.Generator
) -> Sample:
    """Some whole objects of `donor`, each as likely as not, at their places in `ground`.

    Edges are blended over a pixel. What lies beneath is cut away; objects that show less than
    `augmentation.min_visible` then become crowd.

    Args:
        ground: A view.
        donor: Another of the same size and bands.
        augmentation: As above.
        rng: Decides which.
    """
    height, width = ground.image.shape[:2]
    chosen = [i for i in donor.instances if _whole(i, donor) and rng.random() < 0.5]
    if not chosen:
        return ground
    cover = polygonal(shapely.union_all([instance.geometry for instance in chosen]))
    # What lies on a chosen object, or a part of it, comes along.
    others = (_covered(i, cover) for i in donor.instances if not any(i is one for one in chosen))
    pasted = [*chosen, *(other for other in others if other is not None)]
    mask = pixel_mask(cover, Window(0, 0, width, height)).astype(np.float32)
    share = cv2.GaussianBlur(mask, (3, 3), 0)[..., None]
    pixels = share * donor.image.astype(np.float32) + (1 - share) * ground.image
    valid = ground.valid
    if valid is not None:
        valid = valid | (mask > 0)
    beneath = (_uncovered(instance, cover, augmentation) for instance in ground.instances)
    instances = (*(left for left in beneath if left is not None), *pasted)
    return Sample(like(pixels, ground.image.dtype), instances, valid)


def _whole(instance: Instance, view: Sample) -> bool:
    """Whether a view shows all of an object, and only data where it is."""
    height, width = view.image.shape[:2]
    x1, y1, x2, y2 = instance.box
    if instance.crowd or x1 <= 0 or y1 <= 0 or x2 >= width or y2 >= height:
        return False
    rows, columns = slice(int(y1), math.ceil(y2)), slice(int(x1), math.ceil(x2))
    return view.valid is None or bool(view.valid[rows, columns].all())


def _covered(instance: Instance, cover: shapely.Geometry) -> Instance | None:
    """What of an instance lies in `cover`; a mere part of it is no object."""
    if cover.covers(instance.geometry):
        return instance
    part = polygonal(shapely.intersection(instance.geometry, cover))
    if part.area < SLIVER:
        return None
    return Instance(part, instance.class_id, crowd=True)


def _uncovered(
    instance: Instance, cover: shapely.Geometry, augmentation: Augmentation
) -> Instance | None:
    """What is left of an instance; None if nothing."""
    if not instance.geometry.intersects(cover):
        return instance
    left = polygonal(shapely.difference(instance.geometry, cover))
    if left.is_empty:
        return None
    hidden = left.area < augmentation.min_visible * instance.geometry.area
    return Instance(left, instance.class_id, instance.crowd or hidden)
