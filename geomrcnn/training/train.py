"""From labelled images to a trained network in a run directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from geomrcnn.bundle.bundle import Bundle, as_kept, write_bundle
from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import ConcatDataset, Dataset
from geomrcnn.data.pipeline import training_batches
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.export import fold_batch_norms, openvino_graph
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.imagenet import imagenet_scaling, load_imagenet
from geomrcnn.network.weights.own import assign_weights, named_weights
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.log import RunLog
from geomrcnn.training.run import RunConfig, is_run
from geomrcnn.training.trainer import Trainer

Validation = Callable[[MaskRCNN, ModelCard], dict[str, float]]
"""Scores of a network by name."""


def train(
    data: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    gsd: float,
    shares: Sequence[float] | None = None,
    preset: str = "light",
    init: str = "imagenet",
    training: TrainingConfig | None = None,
    augmentation: Augmentation | None = None,
    validate: Validation | None = None,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> RunConfig:
    """Train a network on COCO data sets.

    Args:
        data: COCO instance files, or folders with a coco.json.
        out: The run directory; holds run.json, checkpoints, losses.csv and tensorboard.
        gsd: Metres a pixel that all imagery is brought to.
        shares: How much of the tiles each of `data` provides; by default each image alike.
        preset: Of `MaskRCNNConfig`.
        init: "imagenet", "none" or a bundle whose weights to start from.
        training: How to train.
        augmentation: How far the tiles may stray.
        validate: Called at each checkpoint; its scores are logged.
        resume: Go on with the run in `out`.
        say: Prints a line.

    Raises:
        GeomrcnnError: for data, options or weights that do not fit.
    """
    folder = Path(out)
    training = training or TrainingConfig()
    sources = [CocoDataset(_coco_file(Path(path)), gsd=gsd) for path in data]
    dataset = ConcatDataset(sources, shares)
    for path, source in zip(data, sources, strict=True):
        say(f"{path}: {source.report}")
    run = RunConfig(
        network=_network_config(preset, init, len(dataset.classes), _bands(dataset)),
        training=training,
        augmentation=augmentation or Augmentation(),
        classes=dataset.classes,
        gsd=gsd,
    )
    _check_folder(folder, run, resume)
    keras.utils.set_random_seed(training.seed)
    model = MaskRCNN(run.network)
    _initialise(model, init)
    run.write(folder)
    trainer = Trainer(model, training, folder)
    start = trainer.resume() if resume else 0
    if start:
        say(f"resuming after step {start}")
    log = RunLog(folder, training.steps, start=start, say=say)

    def on_checkpoint(step: int) -> None:
        if validate is not None:
            log.scores(step, validate(model, card_of(run)))

    trainer.fit(
        lambda step: training_batches(
            dataset,
            tile=training.tile,
            batch=training.batch,
            augmentation=run.augmentation,
            seed=training.seed,
            start_step=step,
            fill=run.network.pixel_mean,
            weights=dataset.weights,
        ),
        log,
        start=start,
        on_checkpoint=on_checkpoint,
    )
    return run


def card_of(run: RunConfig) -> ModelCard:
    """The model card of a run, but for what only its maker knows."""
    network, tile = run.network, run.training.tile
    names = ("red", "green", "blue") if network.bands == 3 else ()
    return ModelCard(
        name="model",
        classes=run.classes,
        bands=names or tuple(f"band{i}" for i in range(1, network.bands + 1)),
        dtype="uint8",
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
    run = RunConfig.read(folder)
    made = ModelCard.from_dict({**card_of(run).to_dict(), **card})
    model = MaskRCNN(run.network)
    trainer = Trainer(model, run.training, folder)
    if not trainer.resume():
        raise DataError(f"{folder}: has no checkpoint yet")
    # The bundle rounds kernels; export what it will keep, so that both runtimes run the same.
    fold_batch_norms(model.backbone)
    weights = as_kept(named_weights(model))
    assign_weights(model, weights, str(folder))
    write_bundle(Path(out), made, run.network.to_dict(), weights, openvino_graph(model))
    return made


def _coco_file(path: Path) -> Path:
    return path / "coco.json" if path.is_dir() else path


def _network_config(preset: str, init: str, classes: int, bands: int) -> MaskRCNNConfig:
    """The preset, with the pixel scaling that the initial weights were learnt with."""
    if init not in ("imagenet", "none"):
        known = MaskRCNNConfig.from_dict(Bundle.open(init).network())
        if (known.classes, known.bands) != (classes, bands):
            raise DataError(
                f"'{init}' has {known.classes} classes and {known.bands} bands, "
                f"the data has {classes} and {bands}"
            )
        return known
    backbone = MaskRCNNConfig.preset(preset).backbone
    mean, std = imagenet_scaling(backbone)
    return MaskRCNNConfig.preset(
        preset,
        classes=classes,
        bands=bands,
        pixel_mean=_for_bands(mean, bands),
        pixel_std=_for_bands(std, bands),
        train_stem=init == "none",
    )


def _for_bands(rgb: tuple[float, ...], bands: int) -> tuple[float, ...]:
    """RGB values for RGB; their mean for every band of anything else."""
    return rgb if bands == len(rgb) else (sum(rgb) / len(rgb),) * bands


def _initialise(model: MaskRCNN, init: str) -> None:
    if init == "imagenet":
        load_imagenet(model.backbone, model.config.backbone)
    elif init != "none":
        bundle = Bundle.open(init)
        assign_weights(model, bundle.weights(), str(bundle.path))


def _bands(dataset: Dataset) -> int:
    """Bands of the first image, for all must have as many.

    Raises:
        DataError: it is not of 8 bits, which is what the initial weights are scaled for.
    """
    image = dataset.sample(0).image
    if image.dtype != np.uint8:
        raise DataError(
            f"{dataset.name(0)}: has pixels of {image.dtype}, training takes 8-bit imagery; "
            "convert it, for instance with gdal_translate -ot Byte -scale"
        )
    return int(image.shape[2])


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
