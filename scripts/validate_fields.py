"""Figures of a model on labelled images: python scripts/validate_fields.py DATA NAME [NAME ...].

DATA holds images/NAME.tif and labels/NAME.geojson. Prints a row an image and one for all together;
--model, --precision and --min-score as for `geomrcnn predict`, --json FILE writes the last row.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
import pandas as pd

from geomrcnn import predict
from geomrcnn.evaluation.polygons import PolygonScores, score_layers
from geomrcnn.formats.reader import read_features
from geomrcnn.runtime import load_detector

ALL = 0.05
"""Score from which detections count for AP, which needs the doubtful ones as well."""


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, required=True)
@click.option("--model", default="fields")
@click.option("--precision", default="auto")
@click.option(
    "--min-score",
    type=float,
    help="Of what a user sees: for precision, recall and what follows.  [default: the model's]",
)
@click.option("--json", "out", type=click.Path(path_type=Path))
def main(
    data: Path,
    names: tuple[str, ...],
    model: str,
    precision: str,
    min_score: float | None,
    out: Path | None,
) -> None:
    """Predict and score each image."""
    every, chosen, labels = [], [], []
    detector = load_detector(model, precision=precision)
    click.echo(detector.description)
    for name in names:
        image = data / f"images/{name}.tif"
        every.append(predict(image, model=detector, min_score=ALL))
        chosen.append(predict(image, model=detector, min_score=min_score))
        labels.append(read_features(data / f"labels/{name}.geojson").to_crs(every[-1].crs))
        show(name, score_layers(every[-1], labels[-1]), score_layers(chosen[-1], labels[-1]))
    truth = pd.concat(labels)
    average, seen = score_layers(pd.concat(every), truth), score_layers(pd.concat(chosen), truth)
    show("all", average, seen)
    if out:
        figures = {**dataclasses.asdict(seen), "ap": average.ap, "ap50": average.ap50}
        out.write_text(json.dumps(figures, indent=2) + "\n")


def show(name: str, average: PolygonScores, seen: PolygonScores) -> None:
    """Print a row."""
    click.echo(
        f"{name:12} truth {seen.truths:4} found {seen.predictions:4}  "
        f"AP50 {average.ap50:.3f}  AP {average.ap:.3f}  precision {seen.precision:.3f}  "
        f"recall {seen.recall:.3f}  F1 {seen.f1:.3f}  mean IoU {seen.mean_iou:.3f}  "
        f"area bias {seen.area_bias:+.3f}"
    )


if __name__ == "__main__":
    main()
