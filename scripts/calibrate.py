"""Calibrate a model on few labelled images: scripts/calibrate.py MODEL RASTER=LABELS ...

For a model whose training left no images to validate on. The figures printed are of scores and a
threshold that each image had no part in: they were fitted on the others. --write fits on all and
keeps that in the model's card, with the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from geomrcnn import predict
from geomrcnn.bundle.bundle import Bundle
from geomrcnn.bundle.calibration import Calibration
from geomrcnn.errors import DataError
from geomrcnn.evaluation.calibration import calibration_error, fit_calibration, reliability
from geomrcnn.evaluation.curves import average_precision, best_threshold, reached_at
from geomrcnn.evaluation.matching import Verdicts
from geomrcnn.evaluation.polygons import compare
from geomrcnn.formats.reader import read_features

ALL = 0.02
"""Score from which detections take part: the doubtful ones are calibrated as well."""

IOU = 0.5


@click.command()
@click.argument("model")
@click.argument("pairs", nargs=-1, required=True, metavar="RASTER=LABELS...")
@click.option("--write", is_flag=True, help="Keep calibration and threshold in the model's card.")
def main(model: str, pairs: tuple[str, ...], write: bool) -> None:
    """Predict, calibrate, and print what came of it."""
    bundle = Bundle.open(model)
    seen = [_verdicts(model, *pair.split("=")) for pair in pairs]
    held_out = [_calibrated(one, [other for other in seen if other is not one]) for one in seen]
    kept = _pooled([one for one, _ in held_out])
    hits = sum(int((one.right & (one.scores >= least)).sum()) for one, least in held_out)
    found = sum(int((one.scores >= least).sum()) for one, least in held_out)
    whole = _pooled(seen)
    figures = {
        "objects": whole.truths,
        "ap50": average_precision(whole),
        "precision": hits / found,
        "recall": hits / whole.truths,
        "f1": 2 * hits / (found + whole.truths),
        "calibration error": calibration_error(kept),
    }
    before = calibration_error(whole)
    calibration, least = _fit([whole])
    final = reached_at(whole._replace(scores=calibration(whole.scores)), least)
    rounded = {name: round(value, 3) for name, value in figures.items()}
    click.echo(f"each image by the others: {rounded}, before {before:.3f}")
    click.echo(f"fitted on all: {calibration}, least score {least:.4f}, F1 {final.f1:.3f}")
    if write:
        probable = whole._replace(scores=calibration(whole.scores))
        card = replace(
            bundle.card,
            calibration=calibration.after(bundle.card.calibration),
            reliability=reliability(probable),
            min_score=round(least, 4),
            metrics=rounded,
        )
        bundle.write_with(card, bundle.path)


def _verdicts(model: str, raster: str, labels: str) -> Verdicts:
    """The detections in an image, and which of them are right."""
    found = predict(raster, model=model, min_score=ALL)
    comparison = compare(found, read_features(Path(labels))).comparison
    return comparison.verdicts(comparison.match(IOU))


def _calibrated(one: Verdicts, others: Sequence[Verdicts]) -> tuple[Verdicts, float]:
    """An image's detections with scores, and a threshold, that other images chose."""
    calibration, least = _fit(others)
    return one._replace(scores=calibration(one.scores)), least


def _fit(images: Sequence[Verdicts]) -> tuple[Calibration, float]:
    pooled = _pooled(images)
    calibration = fit_calibration(pooled).calibration
    best = best_threshold(pooled._replace(scores=calibration(pooled.scores)))
    if best is None:
        raise DataError("no object in any image")
    return calibration, best.min_score


def _pooled(images: Sequence[Verdicts]) -> Verdicts:
    """The detections of several images as of one, by falling score."""
    scores = np.concatenate([one.scores for one in images])
    right = np.concatenate([one.right for one in images])
    order = np.argsort(-scores, kind="stable")
    return Verdicts(scores[order], right[order], sum(one.truths for one in images))


if __name__ == "__main__":
    main()
