"""What a fourth band is worth: the same network trained with and without near infrared.

    python scripts/compare_bands.py WORK [--steps 300]

Draws farmland whose crops have the green of the meadows around them, so that only the infrared
tells them apart, trains the shipped model on all four bands and on red, green and blue alone, and
prints the average precision of both on scenes that neither has seen.
"""

from __future__ import annotations

from pathlib import Path

import click

from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.landscape import Survey
from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.evaluation.evaluation import evaluate_dataset
from geomrcnn.runtime import load_detector
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.train import train

GSD, SIZE, TILE = 4.0, 256, 192
SURVEY = Survey(bands=4, dtype="uint16", look="alike")
BANDS = {"RGB": (1, 2, 3), "RGB and near infrared": (1, 2, 3, 4)}


@click.command()
@click.argument("work", type=click.Path(file_okay=False, path_type=Path))
@click.option("--steps", default=300, show_default=True, help="Optimizer steps of each training.")
@click.option("--scenes", default=40, show_default=True, help="Scenes to train on.")
def main(work: Path, steps: int, scenes: int) -> None:
    """Draw, train twice, compare; WORK takes everything made on the way."""
    for name, count, seed in (("train", scenes, 0), ("val", 12, 5000)):
        write_dataset(work / name, count, SIZE, GSD, seed, overwrite=True, survey=SURVEY)
    training = TrainingConfig(
        steps=steps,
        tile=TILE,
        learning_rate=0.004,
        warmup_steps=steps // 4,
        checkpoint_steps=steps,
    )
    print(f"{'bands':24} {'mask AP50':>9} {'mask AP':>9} {'box AP50':>9}", flush=True)
    for k, (name, bands) in enumerate(BANDS.items()):
        run = work / f"run{k}"
        train(
            [work / "train"],
            run,
            gsd=GSD,
            bands=bands,
            init="fields",
            training=training,
            say=lambda line: None,
        )
        dataset = CocoDataset(work / "val/coco.json", gsd=GSD, bands=bands)
        detector = load_detector(run / "model.zip", tile=SIZE)
        scores = evaluate_dataset(detector, dataset).coco.overall
        figures = [scores[key] for key in ("mask AP50", "mask AP", "box AP50")]
        print(f"{name:24} " + " ".join(f"{figure:9.3f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
