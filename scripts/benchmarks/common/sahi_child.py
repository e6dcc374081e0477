"""A raster sliced by SAHI, with a network of ours: for scripts/bench slicing.

Run by an interpreter that has SAHI, and all that geomrcnn needs:

    python -m scripts.benchmarks.common.sahi_child RASTER OUT MODEL PRECISION TILE OVERLAP

Done is what users of SAHI do: a model of one's own is a subclass of `DetectionModel`, which hands
over a mask of the whole slice for each object; slices are looked at and merged with SAHI's own
settings; what comes out goes into a GeoPackage by Shapely and GeoPandas. Only the second look at
the whole image at once is left out, for which a network would need all of it in one tile. Printed
as JSON is what it took.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import rasterio
import sahi
from geopandas import GeoDataFrame
from sahi.models.base import DetectionModel
from sahi.postprocess.backends import resolve_backend
from sahi.predict import get_sliced_prediction
from sahi.prediction import ObjectPrediction
from sahi.utils.cv import get_coco_segmentation_from_bool_mask
from shapely import affinity

from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import Detector, load_detector
from scripts.benchmarks.common.whole import megabytes, peak_so_far


class Sliced(DetectionModel):
    """A detector of ours as SAHI wants models.

    Attributes:
        seconds: That the network took.
        slices: How many it looked at.
    """

    seconds = 0.0
    slices = 0

    def set_model(self, model: Detector, **others: Any) -> None:
        """Take a detector that is loaded."""
        self.model = model
        names = enumerate(model.card.classes, start=1)
        self.category_mapping = {str(number): name for number, name in names}

    def perform_inference(self, image: np.ndarray) -> None:
        """Look at a slice, [H, W, bands]."""
        height, width = image.shape[:2]
        valid = np.ones((height, width), bool)
        began = time.perf_counter()
        (found,) = self.model.detect([Tile(0, 0, Window(0, 0, width, height), image, valid)])
        self.seconds += time.perf_counter() - began
        self.slices += 1
        self._original_predictions = found, height, width

    def _create_object_prediction_list_from_original_predictions(
        self,
        shift_amount_list: Sequence[Sequence[float]] = ((0, 0),),
        full_shape_list: Sequence[Sequence[float]] | None = None,
    ) -> None:
        """Make SAHI's objects of what was seen in a slice, as its own classes for models do."""
        found, height, width = self._original_predictions
        made = []
        for k in np.flatnonzero(found.scores > self.confidence_threshold):
            mask = in_slice(found.masks[k], found.boxes[k], height, width) > self.mask_threshold
            segmentation = get_coco_segmentation_from_bool_mask(mask)
            if segmentation:  # SAHI raises an error at a mask of nothing
                kind = int(found.classes[k])
                made.append(
                    ObjectPrediction(
                        bbox=found.boxes[k].tolist(),
                        category_id=kind,
                        category_name=self.category_mapping[str(kind)],
                        segmentation=segmentation,
                        score=float(found.scores[k]),
                        shift_amount=shift_amount_list[0],
                        full_shape=None if full_shape_list is None else full_shape_list[0],
                    )
                )
        self._object_prediction_list_per_image = [made]


def in_slice(mask: np.ndarray, box: np.ndarray, height: int, width: int) -> np.ndarray:
    """[height, width] probabilities: a mask of [m, m] cells in its box, bilinear between them."""
    whole = np.zeros((height, width), np.float32)
    left, top = np.maximum(np.floor(box[:2]).astype(int), 0)
    right, bottom = np.minimum(np.ceil(box[2:]).astype(int), (width, height))
    if right > left and bottom > top:
        cell = (box[2:] - box[:2]) / mask.shape[::-1]
        # From the middle of a cell to that of a pixel, both counted from 0.
        first = box[:2] + cell / 2 - 0.5 - (left, top)
        to_pixels = np.array([[cell[0], 0, first[0]], [0, cell[1], first[1]]])
        whole[top:bottom, left:right] = cv2.warpAffine(
            mask.astype(np.float32), to_pixels, (int(right - left), int(bottom - top))
        )
    return whole


def to_map(found: Sequence[ObjectPrediction], raster: str) -> GeoDataFrame:
    """SAHI's objects on the map."""
    with rasterio.open(raster) as source:
        a, b, c, d, e, f = tuple(source.transform)[:6]
        crs = source.crs
    outlines = [one.to_shapely_annotation().multipolygon for one in found]
    return GeoDataFrame(
        {
            "class": [one.category.name for one in found],
            "score": [one.score.value for one in found],
        },
        geometry=[affinity.affine_transform(shape, [a, b, d, e, c, f]) for shape in outlines],
        crs=crs,
    )


def main(raster: str, out: str, model: str, precision: str, tile: int, overlap: int) -> None:
    """Predict, write, and print what it took."""
    # Slices come one by one, so one at a time has all cores.
    detector = load_detector(model, runtime="openvino", precision=precision, tile=tile, streams=1)
    sliced = Sliced(model=detector, confidence_threshold=detector.card.min_score, device="cpu")
    began = time.perf_counter()
    result = get_sliced_prediction(
        raster, sliced, slice_height=tile, slice_width=tile,
        overlap_height_ratio=overlap / tile, overlap_width_ratio=overlap / tile,
        perform_standard_pred=False, verbose=0,
    )  # fmt: skip
    found = result.object_prediction_list
    seen = time.perf_counter()
    to_map(found, raster).to_file(out, driver="GPKG")
    done = time.perf_counter()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {
        "seconds": done - began,
        "network": sliced.seconds,
        "merging": result.durations_in_seconds["postprocess"],
        "writing": done - seen,
        "tiles": sliced.slices,
        "peak_mb": peak_so_far(os.getpid()) or megabytes(most),
        "device": detector.description,
        "versions": f"SAHI {sahi.__version__}, {resolve_backend()} back end",
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:7]))
