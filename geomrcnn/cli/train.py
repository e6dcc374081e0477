"""geomrcnn train: from labelled images to a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from geomrcnn.bundle.card import ModelCard
    from geomrcnn.network.mask_rcnn import MaskRCNN


@click.command(
    epilog="""\b
Examples:
  geomrcnn sample farmland --scenes 40 --gsd 2
  geomrcnn train farmland --out runs/farmland --gsd 2 --steps 2000
  geomrcnn train farmland real/coco.json --share 0.3 --share 0.7 \\
      --val val/coco.json --out runs/fields --gsd 2
  geomrcnn train farmland --out runs/farmland --gsd 2 --steps 2000 --resume
  geomrcnn bundle runs/farmland --out farmland.zip
"""
)
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Run directory to make."
)
@click.option(
    "--gsd",
    required=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Metres a pixel that all imagery is brought to.",
)
@click.option(
    "--share",
    multiple=True,
    type=click.FloatRange(min=0),
    help="How much of the tiles each of DATA provides, in order. Default: every image alike.",
)
@click.option(
    "--val",
    type=click.Path(exists=True, path_type=Path),
    help="COCO file or folder to measure AP on at each checkpoint.",
)
@click.option(
    "--init",
    default="imagenet",
    show_default=True,
    help="Weights to start from: imagenet, none, a bundle file or the name of a shipped model.",
)
@click.option("--preset", default="light", show_default=True, help="light, resnet50 or resnet101.")
@click.option("--steps", default=5000, show_default=True, help="Optimizer steps in all.")
@click.option("--batch", default=2, show_default=True, help="Tiles a step.")
@click.option("--tile", default=512, show_default=True, help="Side of a tile in pixels.")
@click.option("--learning-rate", default=0.005, show_default=True, help="At its height.")
@click.option(
    "--scale",
    nargs=2,
    type=float,
    default=(0.6, 1.6),
    show_default=True,
    help="Tiles are zoomed by a random factor between these two.",
)
@click.option(
    "--checkpoint-steps", default=250, show_default=True, help="Steps between checkpoints."
)
@click.option("--seed", default=0, show_default=True, help="Decides every random draw.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
def train(
    data: tuple[Path, ...],
    out: Path,
    gsd: float,
    share: tuple[float, ...],
    val: Path | None,
    init: str,
    preset: str,
    steps: int,
    batch: int,
    tile: int,
    learning_rate: float,
    scale: tuple[float, float],
    checkpoint_steps: int,
    seed: int,
    resume: bool,
) -> None:
    """Train a Mask R-CNN on COCO data.

    DATA are COCO instance files, or folders with a coco.json such as `geomrcnn sample` makes.
    A run that was stopped goes on exactly where its last checkpoint was with --resume.
    """
    if not 0 < scale[0] <= scale[1]:
        raise click.BadParameter(
            "give the smaller factor first, both above 0", param_hint="--scale"
        )
    if share and len(share) != len(data):
        raise click.BadParameter(f"{len(data)} DATA need as many shares", param_hint="--share")
    from geomrcnn.data.augmentation import Augmentation
    from geomrcnn.training import train as training
    from geomrcnn.training.config import TrainingConfig

    training.train(
        data,
        out,
        gsd=gsd,
        shares=share or None,
        preset=preset,
        init=init,
        training=TrainingConfig(
            steps=steps,
            batch=batch,
            tile=tile,
            learning_rate=learning_rate,
            seed=seed,
            warmup_steps=min(300, steps // 10),
            checkpoint_steps=checkpoint_steps,
        ),
        augmentation=Augmentation(scale=scale),
        validate=_Validation(val, gsd) if val else None,
        resume=resume,
        say=click.echo,
    )
    click.echo(f"{out}: trained; make a model file with: geomrcnn bundle {out} --out MODEL.zip")


class _Validation:
    """COCO scores on a data set."""

    def __init__(self, path: Path, gsd: float) -> None:
        from geomrcnn.data.coco import CocoDataset

        self._dataset = CocoDataset(path / "coco.json" if path.is_dir() else path, gsd=gsd)

    def __call__(self, model: MaskRCNN, card: ModelCard) -> dict[str, float]:
        from geomrcnn.evaluation.coco import evaluate_dataset
        from geomrcnn.runtime.keras import KerasDetector

        return evaluate_dataset(KerasDetector(model, card), self._dataset)
