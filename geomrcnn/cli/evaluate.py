"""`geomrcnn evaluate`: how well polygons match the truth."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from geomrcnn.evaluation.polygons import PolygonScores

EXAMPLES = """
\b
Examples:
  geomrcnn evaluate fields.gpkg labels.geojson
  geomrcnn evaluate fields.gpkg labels.geojson --aoi surveyed.gpkg --min-score 0.7
  geomrcnn evaluate fields.gpkg labels.geojson --json > scores.json
"""

LABELS = {
    "predictions": "predicted objects",
    "truths": "true objects",
    "ap": "AP (mean over IoU 0.5 to 0.95)",
    "ap50": "AP at IoU 0.5",
    "precision": "precision at IoU 0.5",
    "recall": "recall at IoU 0.5",
    "f1": "F1 at IoU 0.5",
    "mean_iou": "mean IoU of matches",
    "area_bias": "area bias of matches",
}


@click.command(epilog=EXAMPLES)
@click.argument("predicted", metavar="PRED")
@click.argument("truth")
@click.option("--aoi", metavar="FILE",
              help="Score only within the polygons of this vector file.")  # fmt: skip
@click.option("--min-score", type=click.FloatRange(0, 1), metavar="0..1",
              help="Leave out predictions scored lower.  [default: none]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of a table.")
def evaluate(
    predicted: str, truth: str, aoi: str | None, min_score: float | None, as_json: bool
) -> None:
    """Score the polygons in PRED against those in TRUTH.

    Both are vector files in any CRS. PRED's column "score" orders the predictions; where both
    have a column "class", only objects of one class match. IoU is intersection over union; the
    area bias is 0.05 if matched outlines are 5 % too large.
    """
    from geomrcnn.evaluation.polygons import evaluate as score

    scores = score(predicted, truth, aoi=aoi, min_score=min_score)
    click.echo(json.dumps(dataclasses.asdict(scores), indent=2) if as_json else _table(scores))


def _table(scores: PolygonScores) -> str:
    """One line a figure."""
    width = max(map(len, LABELS.values()))
    figures = dataclasses.asdict(scores)
    return "\n".join(f"{text:<{width}}  {_show(figures[name])}" for name, text in LABELS.items())


def _show(figure: float | None) -> str:
    if figure is None:
        return "     -"
    return f"{figure:6d}" if isinstance(figure, int) else f"{figure:6.3f}"
