"""Figures of a model on labelled images: python scripts/validate_fields.py DATA NAME [NAME ...].

DATA holds images/NAME.tif and labels/NAME.geojson. Prints a row an image and one for all together;
--model and --min-score as for `geomrcnn predict`, --json FILE writes the last row.
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

ALL = 0.05
"""AP needs the doubtful detections as well."""


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, required=True)
@click.option("--model", default="fields")
@click.option("--min-score", default=0.5, help="For precision, recall and what follows.")
@click.option("--json", "out", type=click.Path(path_type=Path))
def main(
    data: Path, names: tuple[str, ...], model: str, min_score: float, out: Path | None
) -> None:
    """Predict and score each image."""
    found, labels = [], []
    for name in names:
        frame = predict(data / f"images/{name}.tif", model=model, min_score=ALL)
        found.append(frame)
        labels.append(read_features(data / f"labels/{name}.geojson").to_crs(frame.crs))
        show(name, *both(found[-1], labels[-1], min_score))
    average, chosen = both(pd.concat(found), pd.concat(labels), min_score)
    show("all", average, chosen)
    if out:
        figures = {**dataclasses.asdict(chosen), "ap": average.ap, "ap50": average.ap50}
        out.write_text(json.dumps(figures, indent=2) + "\n")


def both(found, truth, min_score: float) -> tuple[PolygonScores, PolygonScores]:
    """Scores with every detection, for AP, and with those a user would see."""
    return score_layers(found, truth), score_layers(found[found.score >= min_score], truth)


def show(name: str, average: PolygonScores, chosen: PolygonScores) -> None:
    """Print a row."""
    click.echo(
        f"{name:12} truth {chosen.truths:4} found {chosen.predictions:4}  "
        f"AP50 {average.ap50:.3f}  AP {average.ap:.3f}  precision {chosen.precision:.3f}  "
        f"recall {chosen.recall:.3f}  F1 {chosen.f1:.3f}  mean IoU {chosen.mean_iou:.3f}  "
        f"area bias {chosen.area_bias:+.3f}"
    )


if __name__ == "__main__":
    main()
