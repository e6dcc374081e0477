"""Scores of polygon layers, against hand-made cases and pycocotools."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from shapely import Polygon, affinity

from geomrcnn.errors import DataError
from geomrcnn.evaluation.polygons import evaluate, score_layers

UTM = "EPSG:32632"
EAST, NORTH = 500_000, 4_983_000


def layer(shapes: list[Polygon | None], crs: str = UTM, **columns: object) -> GeoDataFrame:
    """Shapes in metres from a corner, as a layer in any CRS."""
    placed = [shape and affinity.translate(shape, EAST, NORTH) for shape in shapes]
    return GeoDataFrame(columns, geometry=placed, crs=UTM).to_crs(crs)


def squares(*places: float, side: float = 10) -> list[Polygon]:
    """Squares on the x axis."""
    return [shapely.box(x, 0, x + side, side) for x in places]


def test_the_truth_scores_perfectly_in_any_crs() -> None:
    truth = layer(squares(0, 20, 40), crs="EPSG:4326")
    scores = score_layers(layer(squares(0, 20, 40), score=[0.9, 0.8, 0.7]), truth)
    assert (scores.predictions, scores.truths) == (3, 3)
    assert scores.ap == scores.ap50 == scores.precision == scores.recall == scores.f1 == 1
    assert scores.mean_iou == pytest.approx(1, abs=1e-6)
    assert scores.area_bias == pytest.approx(0, abs=1e-6)


def test_a_hand_made_case() -> None:
    # Shifted by 2 of 10: IoU 8 / 12. Right, wrong, right, and one of three missed.
    found = layer(squares(2, 100, 42), score=[0.9, 0.8, 0.7])
    scores = score_layers(found, layer(squares(0, 20, 40)))
    assert scores.precision == scores.recall == scores.f1 == pytest.approx(2 / 3)
    # Precision 1 for recalls 0.00 to 0.33, then 2/3 for those to 0.66: 34 and 33 of 101 points.
    assert scores.ap50 == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert scores.ap == pytest.approx(scores.ap50 * 4 / 10)  # right at 0.5, 0.55, 0.6, 0.65
    assert scores.mean_iou == pytest.approx(8 / 12, abs=1e-4)
    assert scores.area_bias == pytest.approx(0, abs=1e-6)


def test_area_bias_and_iou_of_larger_outlines() -> None:
    found = layer([shape.buffer(1, join_style="mitre") for shape in squares(0, 30)])
    scores = score_layers(found, layer(squares(0, 30)))
    assert scores.area_bias == pytest.approx(0.44, abs=1e-4)
    assert scores.mean_iou == pytest.approx(1 / 1.44, abs=1e-4)


def test_the_better_scored_chooses_first_and_duplicates_are_wrong() -> None:
    found = layer(squares(1, 0), score=[0.9, 0.5])
    scores = score_layers(found, layer(squares(0)))
    assert (scores.precision, scores.recall) == (0.5, 1)
    assert scores.mean_iou == pytest.approx(9 / 11, abs=1e-4)
    assert scores.ap50 == 1


def test_only_one_class_matches() -> None:
    found = layer(squares(0, 20), **{"class": ["field", "field"]})
    truth = layer(squares(0, 20), **{"class": ["field", "wood"]})
    assert score_layers(found, truth).recall == 0.5
    assert score_layers(found, truth.drop(columns="class")).recall == 1


def test_the_border_of_the_area_punishes_nobody() -> None:
    truth = layer(squares(0, 20, 44.9))  # the last with 5.1 of 10 within
    area = layer([shapely.box(-5, -5, 50, 15)])
    near = layer(squares(0, 20, 46.0, 70))  # the third's middle is outside, its match inside
    scores = score_layers(near, truth, area)
    assert (scores.predictions, scores.truths) == (3, 3)
    assert scores.f1 == 1
    beyond = score_layers(layer(squares(0, 20, 44.9, 60)), layer(squares(0, 20, 46)), area)
    assert (beyond.predictions, beyond.truths) == (2, 2)
    assert beyond.f1 == 1


def test_no_predictions_score_nothing() -> None:
    scores = score_layers(layer([]), layer(squares(0)))
    assert (scores.predictions, scores.ap, scores.precision, scores.f1) == (0, 0, 0, 0)
    assert scores.mean_iou is scores.area_bias is None


def test_what_has_no_area_is_no_object() -> None:
    nothing = [None, Polygon(), shapely.Point(3, 3), shapely.LineString([(0, 0), (9, 9)])]
    found = layer([*nothing, *squares(0)], score=[0.9, 0.9, 0.9, 0.9, 0.5])
    scores = score_layers(found, layer([*squares(0), *nothing]))
    assert (scores.predictions, scores.truths) == (1, 1)
    assert scores.f1 == scores.ap == 1
    assert score_layers(layer(nothing), layer(squares(0))).predictions == 0


def test_scores_that_are_text_are_ordered_as_numbers() -> None:
    """As text, "9e-05" would come before "0.5"."""
    truth = layer(squares(0, 20))
    shapes = squares(100, 0, 20)
    numbers = score_layers(layer(shapes, score=[9e-5, 0.5, 0.4]), truth)
    text = score_layers(layer(shapes, score=["9e-05", "0.5", "0.4"]), truth)
    assert text == numbers
    assert text.ap50 == 1


def test_invalid_truth_is_mended() -> None:
    bow_tie = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    scores = score_layers(layer([bow_tie]), layer([bow_tie]))
    assert scores.f1 == 1


@pytest.mark.parametrize(
    ("found", "truth", "message"),
    [
        (layer(squares(0)).set_crs(None, allow_override=True), layer(squares(0)),
         "the layer with the predictions has no CRS"),
        (layer(squares(0)), layer(squares(0)).set_crs(None, allow_override=True),
         "the layer with the truth has no CRS"),
        (layer(squares(0)), layer([]), "the truth has no polygons"),
        (layer(squares(0)), layer([shapely.Point(3, 3), None, Polygon()]),
         "the truth has no polygons"),
        (layer(squares(0, 20), score=["0.9", "high"]), layer(squares(0)),
         "predictions: feature 2: the score 'high' is no number"),
        (layer(squares(0)), layer(squares(50_000)), "the layers do not overlap"),
        (layer(squares(0), **{"class": ["field"]}), layer(squares(0), **{"class": ["roof"]}),
         "no class in common: predicted field; true roof"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(found: GeoDataFrame, truth: GeoDataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        score_layers(found, truth)


def test_an_area_without_truth_is_an_error() -> None:
    with pytest.raises(DataError, match="no true object lies in the area"):
        score_layers(layer(squares(0)), layer(squares(0)), layer(squares(500)))


def test_agreement_with_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(3)
    corners = [(20 * i, 20 * j) for i in range(9) for j in range(9)]
    truth = [(x, y, *rng.uniform(8, 14, 2)) for x, y in corners]
    found = [
        (x + dx, y + dy, w * s, h * s)
        for (x, y, w, h), (dx, dy, s) in zip(
            truth, np.stack([*rng.normal(0, 1, (2, 81)), rng.uniform(0.7, 1.3, 81)], 1), strict=True
        )
    ]
    found += [(x + 3, y, 9, 9) for x, y in corners[::4]]
    scores = rng.random(len(found)).tolist()

    with contextlib.redirect_stdout(io.StringIO()):
        reference = coco.COCO()
        reference.dataset = {
            "info": {}, "images": [{"id": 1, "width": 400, "height": 400}],
            "categories": [{"id": 1}],
            "annotations": [
                {"id": k + 1, "image_id": 1, "category_id": 1, "bbox": list(b), "iscrowd": 0,
                 "area": b[2] * b[3]} for k, b in enumerate(truth)
            ],
        }  # fmt: skip
        reference.createIndex()
        results = reference.loadRes([
            {"image_id": 1, "category_id": 1, "bbox": list(b), "score": s}
            for b, s in zip(found, scores, strict=True)
        ])  # fmt: skip
        evaluation = COCOeval(reference, results, "bbox")
        evaluation.params.maxDets = [1, 10, 1000]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 2]

    def boxes(all_boxes: list[tuple[float, ...]]) -> list[Polygon]:
        return [shapely.box(x, y, x + w, y + h) for x, y, w, h in all_boxes]

    ours = score_layers(layer(boxes(found), score=scores), layer(boxes(truth)))
    assert 0.2 < ours.ap < 0.9
    assert ours.ap == pytest.approx(precision.mean(), abs=1e-9)
    assert ours.ap50 == pytest.approx(precision[0].mean(), abs=1e-9)


def test_files_and_the_least_score(tmp_path: Path) -> None:
    layer(squares(0, 20, 100), score=[0.9, 0.8, 0.3]).to_file(tmp_path / "found.gpkg")
    layer(squares(0, 20), crs="EPSG:3857").to_file(tmp_path / "truth.gpkg")
    layer(squares(0, side=12), crs="EPSG:4326").to_file(tmp_path / "aoi.geojson")
    paths = tmp_path / "found.gpkg", tmp_path / "truth.gpkg"
    assert evaluate(*paths).precision == pytest.approx(2 / 3)
    assert evaluate(*paths, min_score=0.5).precision == 1
    assert evaluate(*paths, aoi=tmp_path / "aoi.geojson").truths == 1
    with pytest.raises(DataError, match="has no column 'score'"):
        evaluate(paths[1], paths[0], min_score=0.5)
    for scores, message in (
        (["0.9", "low", "0.3"], r"found\.gpkg: feature 2: the score 'low' is no number"),
        ([0.9, 0.8, None], r"found\.gpkg: feature 3: the score is empty"),
    ):
        layer(squares(0, 20, 100), score=scores).to_file(paths[0])
        with pytest.raises(DataError, match=message):
            evaluate(*paths, min_score=0.5)
    layer(squares(0, 20, 100), score=["0.9", "0.8", "0.3"]).to_file(paths[0])
    assert evaluate(*paths, min_score=0.5).precision == 1


def test_areas_are_true_far_from_the_equator() -> None:
    """In web mercator at 70 degrees north, map areas are 8.5 times too large; the bias is not."""
    circle = GeoDataFrame(geometry=[shapely.Point(9, 70)], crs=4326).to_crs("EPSG:25832").buffer(50)
    truth = GeoDataFrame(geometry=circle)
    found = GeoDataFrame(geometry=circle.buffer(5)).to_crs(3857)
    bias = score_layers(found, truth).area_bias
    assert bias == pytest.approx((55 / 50) ** 2 - 1, abs=1e-3)
    assert not math.isnan(bias)
