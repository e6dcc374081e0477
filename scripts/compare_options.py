"""What options of the network are worth: python scripts/compare_options.py DATA WORK [--steps N].

DATA is the folder naip_fields_us of scripts/train_models. Only what draws masks is trained, from
the shipped model on and with the same draws for every option, so that all find the same boxes with
the same scores and every difference is one of outlines. It is measured on images that the model has
never seen. WORK takes everything made on the way; runs found there are gone on with.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import split_naip
from geopandas import GeoDataFrame

from geomrcnn import predict
from geomrcnn.bundle.make import write_model
from geomrcnn.data.augmentation import Augmentation
from geomrcnn.evaluation.outlines import boundary_iou, iou
from geomrcnn.evaluation.polygons import PolygonScores, compare, score_layers
from geomrcnn.formats.reader import read_features
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.own import assign_weights, named_weights
from geomrcnn.runtime import Detector, load_detector
from geomrcnn.training.bundling import card_of
from geomrcnn.training.config import Stage, TrainingConfig
from geomrcnn.training.initialise import trained_network
from geomrcnn.training.run import RunConfig, is_run
from geomrcnn.training.train import train

HELD_OUT = ("train_08", "train_13", "train_16", "train_18", "train_22", "train_26")
GSD = 2.0
EVERY, SEEN = 0.05, 0.4
"""Scores from which objects count for AP, and for what a user sees."""
BAND = 5.0
"""Metres along an outline that boundary IoU (Cheng et al. 2021) looks at."""


class Option(NamedTuple):
    """Fields of the network's config: those it is trained with, and those that need no training."""

    trained: dict[str, Any]
    after: dict[str, Any]


OPTIONS = {
    "none": Option({}, {}),
    "mask size 56": Option({"mask_size": 56}, {}),
    "NMS at IoU 0.3": Option({}, {"detection_nms_iou": 0.3}),
}


class Figures(NamedTuple):
    """Of one option; outlines are (IoU, boundary IoU) of each true object that was found."""

    every: PolygonScores
    seen: PolygonScores
    outlines: dict[tuple[str, int], tuple[float, float]]


def trained(option: Option, labels: Path, work: Path, steps: int) -> Path:
    """The bundle of an option; its run is shared with options that are trained alike."""
    name = "_".join(f"{key}-{value}" for key, value in option.trained.items()) or "none"
    run = work / "runs" / name
    train(
        [labels],
        run,
        gsd=GSD,
        init="fields",
        network=option.trained,
        training=TrainingConfig(
            steps=steps,
            learning_rate=0.004,
            warmup_steps=steps // 10,
            stages=(Stage("mask_head/.*", steps),),
            checkpoint_steps=50,
        ),
        augmentation=Augmentation(scale=(0.7, 1.5)),
        resume=is_run(run),
        bundle=False,
    )
    learnt = trained_network(run)
    model = MaskRCNN(dataclasses.replace(learnt.config, **option.after))
    assign_weights(model, named_weights(learnt), str(run))
    after = "_".join(f"{key}-{value}" for key, value in option.after.items())
    path = work / f"{name}_{after}.zip"
    write_model(model, card_of(RunConfig.read(run)), path)
    return path


def measure(model: Detector, data: Path) -> Figures:
    """Predict and score all held-out images."""
    every, seen, truth, outlines = [], [], [], {}
    for name in HELD_OUT:
        image = data / f"images/{name}.tif"
        every.append(predict(image, model=model, min_score=EVERY))
        seen.append(predict(image, model=model, min_score=SEEN))
        truth.append(read_features(data / f"labels/{name}.geojson").to_crs(seen[-1].crs))
        outlines.update({(name, k): v for k, v in agreement(seen[-1], truth[-1]).items()})
    both = (score_layers(pd.concat(found), pd.concat(truth)) for found in (every, seen))
    return Figures(*both, outlines)


def agreement(found: GeoDataFrame, truth: GeoDataFrame) -> dict[int, tuple[float, float]]:
    """(IoU, boundary IoU) of each true object that was found."""
    both = compare(found, truth)
    matches = both.comparison.match(0.5)
    ours = np.flatnonzero(matches.right)
    theirs = matches.truth_of[ours]
    pairs = both.predicted[ours], both.true[theirs]
    plain, strips = iou(*pairs), boundary_iou(*pairs, BAND)
    return {int(k): (float(a), float(b)) for k, a, b in zip(theirs, plain, strips, strict=True)}


def seconds(models: dict[str, Path], data: Path, rounds: int) -> dict[str, float]:
    """Processor seconds to predict one image, the least of some rounds."""
    image = data / f"images/{HELD_OUT[0]}.tif"
    least = dict.fromkeys(models, float("inf"))
    detectors = {name: load_detector(path) for name, path in models.items()}
    for _ in range(rounds):
        for name, detector in detectors.items():
            before = time.process_time()
            predict(image, model=detector, min_score=SEEN)
            least[name] = min(least[name], time.process_time() - before)
    return least


def main() -> None:
    """Train, predict, print a row an option."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", nargs="*", choices=list(OPTIONS), default=list(OPTIONS))
    arguments = parser.parse_args()
    data, work = arguments.data, arguments.work
    split_naip.main(data / "coco_train.json", work, set(HELD_OUT))
    options = {name: OPTIONS[name] for name in arguments.only}
    models = {
        name: trained(option, work / "train.json", work, arguments.steps)
        for name, option in options.items()
    }
    figures = {name: measure(load_detector(path), data) for name, path in models.items()}
    times = seconds(models, data, rounds=3)
    common = set.intersection(*(set(found.outlines) for found in figures.values()))
    print(f"objects found with every option: {len(common)}")
    columns = ("AP50", "AP", "F1", "mean IoU", "IoU*", "boundary*", "time")
    print(f"{'option':22}" + "".join(f"{column:>10}" for column in columns))
    for name, found in figures.items():
        same = np.mean([found.outlines[key] for key in common], axis=0)
        values = found.every.ap50, found.every.ap, found.seen.f1, found.seen.mean_iou, *same
        first = next(iter(times.values()))
        print(f"{name:22}" + "".join(f"{v:10.3f}" for v in (*values, times[name] / first)))


if __name__ == "__main__":
    main()
