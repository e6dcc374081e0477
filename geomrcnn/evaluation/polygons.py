"""How well polygons match the truth, on the map."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS
from shapely import Polygon, STRtree

from geomrcnn.errors import DataError
from geomrcnn.evaluation.curves import average_precision
from geomrcnn.evaluation.matching import THRESHOLDS, Comparison
from geomrcnn.evaluation.outlines import boundary_iou, iou, polis
from geomrcnn.formats.reader import read_features
from geomrcnn.vector.polygons import Polygonal, polygonal

BAND_SHARE = 0.05
"""Width of the band of boundary IoU, of the side of a square as large as the median true object.
It depends on the truth alone, so that predictions of any source are measured alike."""


@dataclass(frozen=True)
class PolygonScores:
    """Agreement of predicted polygons with the truth.

    A match is a prediction and the true object it finds at IoU 0.5; what is said of matches is None
    if there are none.

    Attributes:
        predictions: Number of predicted objects that count.
        truths: Number of true objects that count.
        ap: Average precision, mean over IoU 0.5, 0.55, ..., 0.95, as COCO computes it.
        ap50: Average precision at IoU 0.5.
        precision: Share of predictions that are right at IoU 0.5.
        recall: Share of true objects found at IoU 0.5.
        f1: Harmonic mean of the two.
        mean_precision: Mean over IoU 0.5, 0.55, ..., 0.95.
        mean_recall: The same.
        mean_f1: The same.
        mean_iou: Mean IoU of the matches.
        boundary_iou: Mean boundary IoU of the matches.
        band: The band that boundary IoU looks at, in metres.
        polis: Mean PoLiS distance of the matches, in metres.
        area_bias: Predicted area over true area, less one, summed over the matches.
    """

    predictions: int
    truths: int
    ap: float
    ap50: float
    precision: float
    recall: float
    f1: float
    mean_precision: float
    mean_recall: float
    mean_f1: float
    mean_iou: float | None
    boundary_iou: float | None
    band: float
    polis: float | None
    area_bias: float | None


@dataclass(frozen=True, eq=False)
class Layers:
    """Predictions and true objects in one plane, compared.

    Attributes:
        predicted: [N] polygons, by falling score, in metres.
        true: [M] polygons.
        scored: Whether the predictions have scores; without, all are 1 and in their old order.
        comparison: What overlaps and is of one class.
    """

    predicted: np.ndarray
    true: np.ndarray
    scored: bool
    comparison: Comparison


def evaluate(
    predicted: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    aoi: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
    band: float | None = None,
) -> PolygonScores:
    """Score a vector file of predictions against one of true objects.

    Args:
        predicted: Polygons, best with columns "score" and "class".
        truth: Polygons, perhaps with a column "class", in any CRS.
        aoi: Polygons within which the truth is complete; everywhere by default.
        min_score: Predictions that score less are left out.
        band: As `score_comparison` takes it.

    Raises:
        DataError: a file cannot be read, or `compare` refuses.
    """
    return score_comparison(compare_files(predicted, truth, aoi=aoi, min_score=min_score), band)


def compare_files(
    predicted: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    aoi: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
) -> Layers:
    """Read and compare two vector files; see `evaluate`."""
    layer = _with_numbers(read_features(predicted), os.fspath(predicted))
    if min_score is not None:
        if "score" not in layer:
            raise DataError(f"{os.fspath(predicted)}: has no column 'score' to choose by")
        layer = layer[layer["score"] >= min_score]
    area = None if aoi is None else read_features(aoi)
    return compare(layer, read_features(truth), area)


def score_layers(
    predicted: GeoDataFrame,
    truth: GeoDataFrame,
    aoi: GeoDataFrame | None = None,
    *,
    band: float | None = None,
) -> PolygonScores:
    """Score predicted polygons against true ones: `compare`, then `score_comparison`."""
    return score_comparison(compare(predicted, truth, aoi), band)


def score_comparison(layers: Layers, band: float | None = None) -> PolygonScores:
    """All figures of two layers.

    Args:
        layers: As `compare` gives them.
        band: Metres along the inside of an outline that boundary IoU looks at; by default
            `BAND_SHARE` of the side of a square as large as the median true object.
    """
    compared = layers.comparison
    every = [compared.match(threshold) for threshold in THRESHOLDS]
    verdicts = [compared.verdicts(matches) for matches in every]
    precisions = [average_precision(at) for at in verdicts]
    counts = np.array([(at.right.sum(), len(at.right), at.truths) for at in verdicts])
    hits, found, truths = counts.T
    precision, recall, f1 = hits / np.maximum(found, 1), hits / truths, 2 * hits / (found + truths)
    if band is None:
        wanted = layers.true[~compared.ignored]
        band = BAND_SHARE * float(np.sqrt(np.median(shapely.area(wanted))))
    rows = np.flatnonzero(every[0].right)
    ours, theirs = layers.predicted[rows], layers.true[every[0].truth_of[rows]]
    areas = float(shapely.area(ours).sum()), float(shapely.area(theirs).sum())
    matched = bool(len(rows))
    return PolygonScores(
        predictions=int(found[0]),
        truths=int(truths[0]),
        ap=float(np.mean(precisions)),
        ap50=precisions[0],
        precision=float(precision[0]),
        recall=float(recall[0]),
        f1=float(f1[0]),
        mean_precision=float(precision.mean()),
        mean_recall=float(recall.mean()),
        mean_f1=float(f1.mean()),
        mean_iou=float(iou(ours, theirs).mean()) if matched else None,
        boundary_iou=float(boundary_iou(ours, theirs, band).mean()) if matched else None,
        band=band,
        polis=float(polis(ours, theirs).mean()) if matched else None,
        area_bias=areas[0] / areas[1] - 1 if matched else None,
    )


def compare(
    predicted: GeoDataFrame, truth: GeoDataFrame, aoi: GeoDataFrame | None = None
) -> Layers:
    """Bring two layers into one plane, and measure where they overlap.

    Predictions are matched by COCO's rules, by falling score; without a column "score" they keep
    their order. Where both layers have a column "class", only objects of one class match; classes
    are pooled. At the border of an area of interest neither side is punished: a match counts if its
    true object lies inside, all else if it does itself. Areas are those of an equal-area projection
    around the truth. Features without an area (points, lines, nothing) are no objects.

    Raises:
        DataError: a layer has no CRS, a score is no number, the truth has no polygon, the layers
            do not overlap, or they have no class in common.
    """
    predicted = _with_area(_with_numbers(predicted, "predictions"))
    truth = _with_area(truth)
    _refuse_unfit(predicted, truth, aoi)
    scored = "score" in predicted
    if scored:
        predicted = predicted.sort_values("score", ascending=False, kind="stable")
    crs = equal_area(truth)
    ours, theirs = _polygons(predicted, crs), _polygons(truth, crs)
    first, second = STRtree(theirs).query(ours, predicate="intersects")
    if "class" in predicted and "class" in truth:
        same = predicted["class"].to_numpy()[first] == truth["class"].to_numpy()[second]
        first, second = first[same], second[same]
    area = None if aoi is None else shapely.union_all(_polygons(aoi, crs))
    inside = _within(theirs, area)
    if not inside.any():
        raise DataError("no true object lies in the area of interest")
    comparison = Comparison(
        scores=predicted["score"].to_numpy(np.float64) if scored else np.ones(len(ours)),
        idle=~_within(ours, area),
        ignored=~inside,
        crowd=np.zeros(len(theirs), bool),
        pairs=np.stack([first, second], axis=1),
        iou=iou(ours[first], theirs[second]),
    )
    return Layers(ours, theirs, scored, comparison)


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
    if truth.empty:
        raise DataError("the layer with the truth has no polygons: nothing to compare with")
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


def _with_numbers(predicted: GeoDataFrame, name: str) -> GeoDataFrame:
    """The layer with its scores, if it has any, as numbers: files may hold them as text.

    Raises:
        DataError: naming the layer by `name`, and the first feature whose score is none.
    """
    if "score" not in predicted:
        return predicted
    scores = pd.to_numeric(predicted["score"], errors="coerce").astype(np.float64)
    wrong = np.flatnonzero(scores.isna())
    if len(wrong):
        value = predicted["score"].iloc[wrong[0]]
        said = "is empty" if pd.isna(value) else f"'{value}' is no number"
        raise DataError(f"{name}: feature {wrong[0] + 1}: the score {said}")
    return predicted.assign(score=scores)


def _with_area(frame: GeoDataFrame) -> GeoDataFrame:
    """The features that have an area."""
    areal = [shape is not None and not polygonal(shape).is_empty for shape in frame.geometry]
    return frame[np.array(areal, bool)]


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
