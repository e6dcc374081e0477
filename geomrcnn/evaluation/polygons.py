"""How well polygons match the truth, on the map."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS
from shapely import Polygon, STRtree

from geomrcnn.errors import DataError
from geomrcnn.formats.reader import read_features
from geomrcnn.vector.polygons import Polygonal, polygonal

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersection over union from which a prediction is right; COCO averages over these."""

RECALLS = np.linspace(0, 1, 101)
"""Where COCO samples the precision-recall curve."""


@dataclass(frozen=True)
class PolygonScores:
    """Agreement of predicted polygons with the truth.

    Attributes:
        predictions: Number of predicted objects that count.
        truths: Number of true objects that count.
        ap: Average precision, mean over IoU 0.5, 0.55, ..., 0.95, as COCO computes it.
        ap50: Average precision at IoU 0.5.
        precision: Share of predictions that are right at IoU 0.5.
        recall: Share of true objects found at IoU 0.5.
        f1: Harmonic mean of the two.
        mean_iou: Mean IoU of the matches at IoU 0.5; None if there are none.
        area_bias: Predicted area over true area, less one, summed over those matches; None if
            there are none.
    """

    predictions: int
    truths: int
    ap: float
    ap50: float
    precision: float
    recall: float
    f1: float
    mean_iou: float | None
    area_bias: float | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Predictions and true objects in one plane, with everything but the threshold settled.

    Attributes:
        predicted: [N] polygons, by falling score.
        true: [M] polygons.
        predicted_inside: [N] whether they lie in the area of interest.
        true_inside: [M] the same.
        pairs: [P, (row in predicted, row in true)] that overlap and are of one class, best
            prediction first, then largest IoU.
        iou: [P] their intersection over union.
    """

    predicted: np.ndarray
    true: np.ndarray
    predicted_inside: npt.NDArray[np.bool_]
    true_inside: npt.NDArray[np.bool_]
    pairs: npt.NDArray[np.intp]
    iou: npt.NDArray[np.float64]

    def match(self, threshold: float) -> npt.NDArray[np.intp]:
        """Each prediction's true object, -1 for none, [N]: the best prediction chooses first."""
        matches = np.full(len(self.predicted), -1)
        taken: set[int] = set()
        for prediction, truth in self.pairs[self.iou >= threshold].tolist():
            if matches[prediction] < 0 and truth not in taken:
                matches[prediction] = truth
                taken.add(truth)
        return matches

    def verdicts(self, matches: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Whether each prediction that counts is right, by falling score."""
        matched = matches >= 0
        counts = np.where(matched, self.true_inside[matches], self.predicted_inside)
        return matched[counts]


def evaluate(
    predicted: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    aoi: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
) -> PolygonScores:
    """Score a vector file of predictions against one of true objects.

    Args:
        predicted: Polygons, best with columns "score" and "class".
        truth: Polygons, perhaps with a column "class", in any CRS.
        aoi: Polygons within which the truth is complete; everywhere by default.
        min_score: Predictions that score less are left out.

    Raises:
        DataError: a file cannot be read, or `score_layers` refuses.
    """
    layer = read_features(predicted)
    if min_score is not None:
        if "score" not in layer:
            raise DataError(f"{os.fspath(predicted)}: has no column 'score' to choose by")
        layer = layer[layer["score"] >= min_score]
    area = None if aoi is None else read_features(aoi)
    return score_layers(layer, read_features(truth), area)


def score_layers(
    predicted: GeoDataFrame, truth: GeoDataFrame, aoi: GeoDataFrame | None = None
) -> PolygonScores:
    """Score predicted polygons against true ones.

    Predictions are matched by falling score, each to the free true object it overlaps most;
    without a column "score" they keep their order. Where both layers have a column "class", only
    objects of one class match; classes are pooled. At the border of an area of interest neither
    side is punished: a match counts if its true object lies inside, all else if it does itself.
    Areas are those of an equal-area projection around the truth.

    Raises:
        DataError: a layer has no CRS, the truth is empty, the layers do not overlap, or they
            have no class in common.
    """
    both = compare(predicted, truth, aoi)
    truths = int(both.true_inside.sum())
    precisions = [
        average_precision(both.verdicts(both.match(threshold)), truths) for threshold in THRESHOLDS
    ]
    matches = both.match(THRESHOLDS[0])
    right = both.verdicts(matches)
    hits = int(right.sum())
    counted = both.true_inside[both.pairs[:, 1]] & (matches[both.pairs[:, 0]] == both.pairs[:, 1])
    rows, columns = both.pairs[counted].T
    areas = shapely.area(both.predicted[rows]).sum(), shapely.area(both.true[columns]).sum()
    return PolygonScores(
        predictions=len(right),
        truths=truths,
        ap=float(np.mean(precisions)),
        ap50=precisions[0],
        precision=hits / max(len(right), 1),
        recall=hits / truths,
        f1=2 * hits / (len(right) + truths),
        mean_iou=float(both.iou[counted].mean()) if hits else None,
        area_bias=float(areas[0] / areas[1] - 1) if hits else None,
    )


def average_precision(right: npt.NDArray[np.bool_], truths: int) -> float:
    """Area under the precision-recall curve, by COCO's 101 points.

    Args:
        right: [N] whether each prediction is right, by falling score.
        truths: Number of true objects, at least one.
    """
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / truths, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[reached].mean())


def compare(
    predicted: GeoDataFrame, truth: GeoDataFrame, aoi: GeoDataFrame | None = None
) -> Comparison:
    """Bring two layers into one plane, and measure where they overlap.

    Raises:
        DataError: as `score_layers`.
    """
    _refuse_unfit(predicted, truth, aoi)
    if "score" in predicted:
        predicted = predicted.sort_values("score", ascending=False, kind="stable")
    crs = equal_area(truth)
    ours, theirs = _polygons(predicted, crs), _polygons(truth, crs)
    first, second = STRtree(theirs).query(ours, predicate="intersects")
    if "class" in predicted and "class" in truth:
        same = predicted["class"].to_numpy()[first] == truth["class"].to_numpy()[second]
        first, second = first[same], second[same]
    shared = shapely.area(shapely.intersection(ours[first], theirs[second]))
    iou = shared / (shapely.area(ours[first]) + shapely.area(theirs[second]) - shared)
    order = np.lexsort((second, -iou, first))
    area = None if aoi is None else shapely.union_all(_polygons(aoi, crs))
    inside = _within(theirs, area)
    if not inside.any():
        raise DataError("no true object lies in the area of interest")
    pairs = np.stack([first, second], axis=1)[order]
    return Comparison(ours, theirs, _within(ours, area), inside, pairs, iou[order])


def equal_area(frame: GeoDataFrame) -> CRS:
    """Lambert's azimuthal equal-area projection around the middle of a layer, in metres."""
    west, south, east, north = frame.to_crs(4326).total_bounds
    centre = f"+lat_0={(south + north) / 2:.6f} +lon_0={(west + east) / 2:.6f}"
    return CRS.from_proj4(f"+proj=laea {centre} +datum=WGS84 +units=m")


def _refuse_unfit(predicted: GeoDataFrame, truth: GeoDataFrame, aoi: GeoDataFrame | None) -> None:
    layers = {"predictions": predicted, "truth": truth, "area of interest": aoi}
    for name, layer in layers.items():
        if layer is not None and layer.crs is None:
            raise DataError(f"the layer with the {name} has no CRS; assign the one it is in")
    if truth.geometry.isna().all():
        raise DataError("the layer with the truth is empty: there is nothing to compare with")
    if predicted.empty:
        return
    west, south, east, north = predicted.to_crs(4326).total_bounds
    left, bottom, right, top = truth.to_crs(4326).total_bounds
    if not (west <= right and left <= east and south <= top and bottom <= north):
        raise DataError(
            f"the layers do not overlap: predictions lie around {west:.4f} E {south:.4f} N, "
            f"the truth around {left:.4f} E {bottom:.4f} N; is one CRS wrong?"
        )
    if "class" in predicted and "class" in truth:
        found, wanted = set(predicted["class"].dropna()), set(truth["class"].dropna())
        if found.isdisjoint(wanted):
            raise DataError(
                f"no class in common: predicted {', '.join(map(str, sorted(found)))}; "
                f"true {', '.join(map(str, sorted(wanted)))}"
            )


def _polygons(frame: GeoDataFrame, crs: CRS) -> np.ndarray:
    """The valid polygonal parts of a layer's geometries in a CRS, as an object array."""
    shapes = frame.geometry.to_crs(crs)
    polygons = [Polygon() if shape is None else polygonal(shape) for shape in shapes]
    return np.array(polygons, dtype=object)


def _within(polygons: np.ndarray, area: Polygonal | None) -> npt.NDArray[np.bool_]:
    """Whether each polygon has a point within, which surely lies in it, in the area."""
    if area is None:
        return np.ones(len(polygons), bool)
    return np.asarray(shapely.intersects(shapely.point_on_surface(polygons), area), bool)
