"""From labelled images to a trained network in a run directory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from rasterio.errors import NotGeoreferencedWarning

from geomrcnn.bundle.card import ModelCard
from geomrcnn.bundle.make import write_model
from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import ConcatDataset
from geomrcnn.data.pipeline import image_draw, training_batches
from geomrcnn.data.statistics import common_pixel_type, value_range
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.devices import find_devices
from geomrcnn.training.initialise import starting_point, trained_network
from geomrcnn.training.log import NoLog, RunLog
from geomrcnn.training.precision import layers_in
from geomrcnn.training.radiometry import scaled_for, statistics_for
from geomrcnn.training.run import RunConfig, is_run
from geomrcnn.training.trainer import Batches, Trainer

Validation = Callable[[MaskRCNN, ModelCard], dict[str, float]]
"""Scores of a network by name."""


def train(
    data: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    gsd: float,
    bands: Sequence[int] | None = None,
    shares: Sequence[float] | None = None,
    preset: str | None = None,
    init: str = "imagenet",
    network: Mapping[str, Any] | None = None,
    training: TrainingConfig | None = None,
    augmentation: Augmentation | None = None,
    validate: Validation | None = None,
    devices: int | None = None,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> RunConfig:
    """Train a network on COCO data sets.

    Args:
        data: COCO instance files, or folders with a coco.json.
        out: The run directory; holds run.json, checkpoints, losses.csv and tensorboard.
        gsd: Metres a pixel that all imagery is brought to.
        bands: Numbers from 1 of the bands to train on, in the order the network is to have them;
            None is all but alpha.
        shares: How much of the tiles each of `data` provides; by default each image alike.
        preset: Of `MaskRCNNConfig`; by default "light", or the network that `init` is for.
        init: The weights to start from, as `starting_point` takes them. "last" goes on with the
            run in `out` if there is one.
        network: Fields of `MaskRCNNConfig` that are to be other than in the preset.
        training: How to train.
        augmentation: How far the tiles may stray.
        validate: Called at each checkpoint; its scores are logged.
        devices: How many GPUs (or CPU devices) to use; by default all. For several hosts see
            `find_devices`.
        resume: Go on with the run in `out`.
        say: Prints a line.

    Raises:
        GeomrcnnError: for data, options or weights that do not fit.
    """
    place = find_devices(devices)  # before anything else that TensorFlow does
    say = say if place.is_chief else _say_nothing
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)  # gsd says what matters
    folder = Path(out)
    training = training or TrainingConfig()
    sources = [CocoDataset(_coco_file(Path(path)), gsd=gsd, bands=bands) for path in data]
    dataset = ConcatDataset(sources, shares)
    for path, source in zip(data, sources, strict=True):
        say(f"{path}: {source.report}")
    resume = resume or (init == "last" and is_run(folder))
    pixels = common_pixel_type(dataset)
    statistics = statistics_for(dataset, pixels, training.seed, folder if resume else None, say)
    begin = starting_point(
        init, preset=preset, classes=len(dataset.classes), bands=len(pixels.bands), folder=folder
    )
    run = RunConfig(
        network=_changed(scaled_for(begin.config, begin.learnt_on, pixels, statistics), network),
        training=training,
        augmentation=augmentation or Augmentation(),
        classes=dataset.classes,
        gsd=gsd,
        pixels=pixels,
        statistics=statistics,
    )
    if place.is_chief:
        _check_folder(folder, run, resume)
    keras.utils.set_random_seed(training.seed)
    with place.strategy.scope(), layers_in(training.precision):
        model = MaskRCNN(run.network)
        report = begin.load(model)
    for line in report.lines() if report else ():
        say(line)
    trainer = Trainer(model, training, folder, place)
    if place.is_chief:
        run.write(folder)
    start = trainer.resume() if resume else 0
    if start:
        say(f"resuming after step {start}")
    _fit(trainer, run, dataset, folder, start, validate, say)
    return run


def _fit(
    trainer: Trainer,
    run: RunConfig,
    dataset: ConcatDataset,
    folder: Path,
    start: int,
    validate: Validation | None,
    say: Callable[[str], None],
) -> None:
    training = run.training
    draw = image_draw(dataset, training.seed, dataset.weights)

    def batches(step: int) -> Batches:
        made: Batches = training_batches(
            dataset,
            tile=training.tile,
            batch=training.batch,
            rows=trainer.rows,
            augmentation=run.augmentation,
            seed=training.seed,
            start_step=step,
            fill=run.network.pixel_mean,
            values=value_range(run.pixels.dtype, run.statistics),
            weights=dataset.weights,
        )
        return made

    if not trainer.place.is_chief:
        trainer.fit(batches, NoLog(), start=start, name_of=lambda at: dataset.name(draw(at)[0]))
        return
    log = RunLog(folder, training.steps, start=start, say=say)

    def on_checkpoint(step: int) -> None:
        if validate is not None:
            log.scores(step, validate(trainer.model, card_of(run)))

    trainer.fit(
        batches,
        log,
        start=start,
        on_checkpoint=on_checkpoint,
        name_of=lambda position: dataset.name(draw(position)[0]),
    )


def _say_nothing(line: str) -> None:
    """Where another process speaks."""


def _changed(config: MaskRCNNConfig, changes: Mapping[str, Any] | None) -> MaskRCNNConfig:
    return MaskRCNNConfig.from_dict({**config.to_dict(), **(changes or {})})


def card_of(run: RunConfig) -> ModelCard:
    """The model card of a run, but for what only its maker knows."""
    network, tile = run.network, run.training.tile
    return ModelCard(
        name="model",
        classes=run.classes,
        bands=run.pixels.bands,
        dtype=run.pixels.dtype,
        gsd=run.gsd,
        tile=tile,
        overlap=tile // 4,
        min_score=0.5,
        mean=network.pixel_mean,
        std=network.pixel_std,
    )


def bundle_run(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], card: dict[str, Any]
) -> ModelCard:
    """Make a bundle of the newest checkpoint of a run.

    Args:
        folder: The run directory.
        out: The bundle file to write.
        card: Fields of the model card that the run does not know: name, licence, ...

    Raises:
        GeomrcnnError: there is no checkpoint, or the card does not fit.
    """
    folder = Path(folder)
    made = ModelCard.from_dict({**card_of(RunConfig.read(folder)).to_dict(), **card})
    write_model(trained_network(folder), made, Path(out))
    return made


def _coco_file(path: Path) -> Path:
    return path / "coco.json" if path.is_dir() else path


def _check_folder(folder: Path, run: RunConfig, resume: bool) -> None:
    """See that `folder` is free for a run, or holds this one.

    Raises:
        DataError: another run lives there.
    """
    if resume and RunConfig.read(folder) != run:
        raise DataError(
            f"{folder}: was started with other options (see {folder}/run.json): resume with "
            "the same, or start a new run elsewhere"
        )
    if not resume and is_run(folder):
        raise DataError(f"{folder}: holds a run already: add --resume, or choose another --out")
