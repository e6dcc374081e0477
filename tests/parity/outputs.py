"""What our network gives for a fixture's image, in the forms the references record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import DetectedObjects, Stages
from geomrcnn.network.painting import paint
from geomrcnn.network.resizing import Frame, boxes_in_image


@dataclass(frozen=True)
class Outputs:
    """Of one image. The mask logits are those of every class, [M, m, m, classes]."""

    config: MaskRCNNConfig
    frame: Frame
    stages: Stages
    objects: DetectedObjects
    mask_logits: np.ndarray

    @property
    def boxes(self) -> np.ndarray:
        """[M, 4] in the image as given."""
        return boxes_in_image(np.asarray(self.objects.boxes), self.frame, self.config)

    @property
    def masks(self) -> np.ndarray:
        """[M, height, width] bool of the image as given."""
        soft = np.asarray(self.objects.masks)
        return paint(soft, self.boxes, *self.frame.image, self.config.geometry)
