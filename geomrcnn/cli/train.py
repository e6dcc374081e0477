"""geomrcnn train: from labelled images to a run directory."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from pathlib import Path

import click
from click.core import ParameterSource

from geomrcnn.cli.bands import band_numbers
from geomrcnn.cli.ending import beside
from geomrcnn.cli.progress import Narrator, with_progress
from geomrcnn.cli.train_outcome import counting_steps, tell_of


@click.command(
    epilog="""\b
Examples:
  geomrcnn sample farmland --scenes 40 --gsd 2
  geomrcnn train ortho.tif --labels fields.gpkg --out runs/mine --gsd 1
  geomrcnn train chips --out runs/mine --init fields
  geomrcnn train farmland --out runs/farmland --gsd 2 --steps 2000
  geomrcnn train farmland real/coco.json --share 0.3 --share 0.7 \\
      --val val/coco.json --out runs/fields --gsd 2
  geomrcnn train farmland --out runs/farmland --gsd 2 --steps 2000 --resume
  geomrcnn train farmland --out runs/stages --gsd 2 --stage heads:500 --stage 4+:1000 \
      --stage all:500@0.1
  geomrcnn train --config runs/fields/run.toml --out runs/again
  geomrcnn train sentinel --out runs/sentinel --gsd 10 --bands 4,3,2,8
  geomrcnn predict ortho.tif --out fields.gpkg --model runs/fields/model.zip
"""
)
@click.argument("data", nargs=-1)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Run directory to make."
)
@click.option(
    "--config",
    type=click.Path(exists=True, path_type=Path),
    help="Repeat the run that this run.toml (or the run directory with it) describes; goes with "
    "--out, --resume and --devices only.",
)
@click.option(
    "--gsd",
    type=click.FloatRange(min=0, min_open=True),
    help="Metres a pixel that all imagery is brought to. Default: the median of the images'.",
)
@click.option(
    "--bands",
    callback=band_numbers,
    metavar="LIST",
    help="Bands to train on, in the order the network is to have them: 4,3,2. Default: all.",
)
@click.option(
    "--labels",
    multiple=True,
    metavar="FILE",
    help="Polygons, in any CRS, of what is in DATA, which are rasters then. May be given again.",
)
@click.option(
    "--class-attribute",
    metavar="NAME",
    help="Attribute of --labels that names the class. Default: 'class', or else all are of one.",
)
@click.option("--aoi", metavar="FILE", help="Polygons in which --labels are complete.")
@click.option(
    "--rename",
    "renamed",
    multiple=True,
    metavar="OLD=NEW",
    help="Call a class otherwise; OLD=ignore where it is neither right nor wrong to find it, OLD= "
    "where it is background.",
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
    help="Data to measure AP on at each checkpoint; the best weights are kept. Default: the part "
    "of chips, or of rasters with --labels, that is set apart for it.",
)
@click.option(
    "--patience",
    default=0,
    show_default=True,
    help="Stop after so many measurements in a row that are no better. 0: never.",
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
    help="Any other field of TrainingConfig, MaskRCNNConfig or Augmentation: weight_decay=0.0005, "
    "head_norm=group, train_class_weights=[1,2,4], haze=0.2.",
)
@click.option(
    "--scale",
    nargs=2,
    type=float,
    default=(0.5, 2.0),
    show_default=True,
    help="Tiles are zoomed by a random factor between these two.",
)
@click.option(
    "--checkpoint-steps", default=250, show_default=True, help="Steps between checkpoints."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Decides every random draw.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@with_progress
def train(
    narrator: Narrator,
    data: tuple[str, ...],
    out: Path,
    config: Path | None,
    gsd: float | None,
    bands: tuple[int, ...] | None,
    labels: tuple[str, ...],
    class_attribute: str | None,
    aoi: str | None,
    renamed: tuple[str, ...],
    share: tuple[float, ...],
    val: Path | None,
    patience: int,
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
    """Train a Mask R-CNN.

    DATA are folders of `geomrcnn chips` or `geomrcnn sample`, COCO files, tables of
    keras-maskrcnn, folders of masks, or rasters with --labels; docs/training-data.md tells more.
    A run that was stopped goes on exactly where its last checkpoint was with --resume.
    """
    if bool(config) == bool(data):
        raise click.UsageError("name the DATA to train on, or a --config to repeat")
    if not 0 < scale[0] <= scale[1]:
        raise click.BadParameter(
            "give the smaller factor first, both above 0", param_hint="--scale"
        )
    if not labels and (class_attribute or aoi):
        raise click.UsageError("--class-attribute and --aoi go with --labels")
    if share and labels:
        raise click.UsageError("rasters with --labels are one source: leave out --share")
    if share and len(share) != len(data):
        raise click.BadParameter(f"{len(data)} DATA need as many shares", param_hint="--share")
    if layers and stage:
        raise click.BadParameter("say them in each --stage", param_hint="--layers")
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from geomrcnn.data.augmentation import Augmentation
    from geomrcnn.training import train as training
    from geomrcnn.training.config import Stage, TrainingConfig
    from geomrcnn.training.settings import parse_settings
    from geomrcnn.training.sources import Source

    if config:
        _refuse_options()
        with counting_steps(narrator) as on_step:
            run = beside(
                partial(
                    training.repeat, config, out, devices=devices, resume=resume,
                    say=narrator.say, on_step=on_step,
                )
            )  # fmt: skip
        tell_of(narrator, out, run)
        return
    if labels:
        sources = [
            Source.of(*data, labels=labels, attribute=class_attribute, aoi=aoi, renamed=renamed)
        ]
    else:
        pairs = zip_longest(data, share)
        sources = [Source.of(path, share=part, renamed=renamed) for path, part in pairs]
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
        "patience": patience,
    }
    with counting_steps(narrator) as on_step:
        work = partial(
            training.train,
            sources,
            out,
            gsd=gsd,
            bands=bands,
            validation=Source.of(val, renamed=renamed) if val else None,
            preset=preset,
            init=init,
            network=changes.network,
            training=TrainingConfig(**{**values, **changes.training}),
            augmentation=Augmentation(**{"scale": scale, **changes.augmentation}),
            devices=devices,
            resume=resume,
            say=narrator.say,
            on_step=on_step,
        )
        run = beside(work)
    tell_of(narrator, out, run)


def _refuse_options() -> None:
    """A repeated run takes everything from its config.

    Raises:
        UsageError: naming an option that was given beside it.
    """
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.expose_value
        and parameter.name not in ("config", "out", "devices", "resume", "data")
        and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{given[0]} does not go with --config, which says all of it")
