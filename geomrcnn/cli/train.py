"""geomrcnn train: from labelled images to a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geomrcnn.cli.predict import band_numbers
from geomrcnn.errors import DataError

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
  geomrcnn train farmland --out runs/stages --gsd 2 --stage heads:500 --stage 4+:1000 \
      --stage all:500@0.1
  geomrcnn train sentinel --out runs/sentinel --gsd 10 --bands 4,3,2,8
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
    "--bands",
    callback=band_numbers,
    metavar="LIST",
    help="Bands to train on, in the order the network is to have them: 4,3,2. Default: all.",
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
    help="Weights to start from: imagenet, coco, none, last (the newest run), a run directory, a "
    "bundle or shipped model, a .h5 of matterport's or a .pth of torchvision's Mask R-CNN.",
)
@click.option(
    "--preset",
    help="light, small-objects, resnet50 or resnet101. Default: light, or the network of --init.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Optimizer steps in all. Default: 5000, or those of the stages.",
)
@click.option("--batch", default=2, show_default=True, help="Tiles a step, over all devices.")
@click.option(
    "--accumulate",
    default=1,
    show_default=True,
    help="Work through a batch in so many parts, to save memory.",
)
@click.option("--tile", default=512, show_default=True, help="Side of a tile in pixels.")
@click.option("--learning-rate", default=0.005, show_default=True, help="At its height.")
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "step", "constant"]),
    default="cosine",
    show_default=True,
    help="How the learning rate falls.",
)
@click.option(
    "--layers",
    metavar="LAYERS",
    help="Train only these: heads, 3+, 4+, 5+ (heads and backbone from that stage on), all, or a "
    "pattern for names of layers. Default: all but the first layers, or what --init needs.",
)
@click.option(
    "--stage",
    multiple=True,
    metavar="LAYERS:STEPS[@RATE]",
    help="Train LAYERS for STEPS at RATE times the learning rate, then the next --stage.",
)
@click.option(
    "--average",
    default=0.0,
    show_default=True,
    help="Evaluate and keep the moving average of the weights with this decay, such as 0.999.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of convolutions and products; the 16-bit ones are fast on GPUs.",
)
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    help="Share each batch between so many GPUs. Default: all. For several hosts set TF_CONFIG.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Any other field of TrainingConfig or MaskRCNNConfig: weight_decay=0.0005, "
    "head_norm=group, train_class_weights=[1,2,4].",
)
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
    bands: tuple[int, ...] | None,
    share: tuple[float, ...],
    val: Path | None,
    init: str,
    preset: str | None,
    steps: int | None,
    batch: int,
    accumulate: int,
    tile: int,
    learning_rate: float,
    schedule: str,
    layers: str | None,
    stage: tuple[str, ...],
    average: float,
    precision: str,
    devices: int | None,
    settings: tuple[str, ...],
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
    if layers and stage:
        raise click.BadParameter("say them in each --stage", param_hint="--layers")
    from geomrcnn.data.augmentation import Augmentation
    from geomrcnn.training import train as training
    from geomrcnn.training.config import Stage, TrainingConfig
    from geomrcnn.training.settings import parse_settings

    stages = tuple(map(Stage.parse, stage))
    steps = steps or sum(stage.steps for stage in stages) or 5000
    if layers:
        stages = (Stage(layers, steps),)
    changes = parse_settings(settings)
    values = {
        "steps": steps,
        "batch": batch,
        "accumulate": accumulate,
        "tile": tile,
        "learning_rate": learning_rate,
        "warmup_steps": min(300, steps // 10),
        "schedule": schedule,
        "stages": stages,
        "average": average,
        "precision": precision,
        "seed": seed,
        "checkpoint_steps": checkpoint_steps,
    }
    training.train(
        data,
        out,
        gsd=gsd,
        bands=bands,
        shares=share or None,
        preset=preset,
        init=init,
        network=changes.network,
        training=TrainingConfig(**{**values, **changes.training}),
        augmentation=Augmentation(scale=scale),
        validate=_Validation(val, gsd, bands) if val else None,
        devices=devices,
        resume=resume,
        say=click.echo,
    )
    click.echo(f"{out}: trained; make a model file with: geomrcnn bundle {out} --out MODEL.zip")


class _Validation:
    """COCO scores on a data set."""

    def __init__(self, path: Path, gsd: float, bands: tuple[int, ...] | None) -> None:
        from geomrcnn.data.coco import CocoDataset

        file = path / "coco.json" if path.is_dir() else path
        self._dataset = CocoDataset(file, gsd=gsd, bands=bands)

    def __call__(self, model: MaskRCNN, card: ModelCard) -> dict[str, float]:
        from geomrcnn.evaluation.evaluation import evaluate_dataset
        from geomrcnn.runtime.keras import KerasDetector

        pixels = self._dataset.pixel_type(0)
        if (pixels.dtype, len(pixels.bands)) != (card.dtype, len(card.bands)):
            raise DataError(
                f"{self._dataset.name(0)}: {pixels}, but the network is trained on "
                f"{len(card.bands)} bands of {card.dtype}: validate on imagery of the same kind"
            )
        return evaluate_dataset(KerasDetector(model, card), self._dataset).coco.overall
