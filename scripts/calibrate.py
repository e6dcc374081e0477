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
from geomrcnn.bundle.calibration import IDENTITY
from geomrcnn.bundle.card import ModelCard
from geomrcnn.evaluation.calibration import calibrated, calibration_error
from geomrcnn.evaluation.curves import average_precision
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
    figures = _by_the_others(bundle.card, seen)
    card = calibrated(bundle.card, _pooled(seen))
    click.echo(", ".join(f"{name} {value}" for name, value in figures.items()))
    click.echo(f"fitted on all: {card.calibration}, least score {card.min_score}")
    if write:
        bundle.write_with(replace(card, metrics=figures), bundle.path)


def _by_the_others(card: ModelCard, seen: Sequence[Verdicts]) -> dict[str, float]:
    """Figures over all images, each with the calibration and the threshold of the others."""
    as_seen = replace(card, calibration=IDENTITY)
    scaled, hits, found = [], 0, 0
    for one in seen:
        fitted = calibrated(as_seen, _pooled([other for other in seen if other is not one]))
        scores = fitted.calibration(one.scores)
        kept = one.right[scores >= fitted.min_score]
        hits, found = hits + int(kept.sum()), found + len(kept)
        scaled.append(one._replace(scores=scores))
    whole = _pooled(seen)
    figures = {
        "objects": whole.truths,
        "ap50": average_precision(whole),
        "precision by the others' threshold": hits / found,
        "recall by the others' threshold": hits / whole.truths,
        "f1 by the others' threshold": 2 * hits / (found + whole.truths),
        "calibration error": calibration_error(_pooled(scaled)),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def _verdicts(model: str, raster: str, labels: str) -> Verdicts:
    """The detections in an image, and which of them are right."""
    found = predict(raster, model=model, min_score=ALL)
    comparison = compare(found, read_features(Path(labels))).comparison
    return comparison.verdicts(comparison.match(IOU))


def _pooled(images: Sequence[Verdicts]) -> Verdicts:
    """The detections of several images as of one, by falling score."""
    scores = np.concatenate([one.scores for one in images])
    right = np.concatenate([one.right for one in images])
    order = np.argsort(-scores, kind="stable")
    return Verdicts(scores[order], right[order], sum(one.truths for one in images))


if __name__ == "__main__":
    main()
