"""From labelled images to a trained network in a run directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.dataset import Dataset
from geomrcnn.data.inspection import suggested_anchors
from geomrcnn.data.pipeline import image_draw, training_batches
from geomrcnn.data.statistics import common_pixel_type, value_range
from geomrcnn.errors import DataError
from geomrcnn.evaluation.report import write_report
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.training.bundling import bundle_network, card_of
from geomrcnn.training.checkpoints import LAST
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.devices import Place, find_devices
from geomrcnn.training.images import Images, open_images
from geomrcnn.training.initialise import (
    KEYWORDS,
    Loader,
    newest_run,
    starting_point,
    trained_network,
)
from geomrcnn.training.log import LOSSES_FILE, NoLog, OnStep, RunLog
from geomrcnn.training.precision import layers_in
from geomrcnn.training.radiometry import scaled_for, statistics_for
from geomrcnn.training.run import RUN_FILE, RunConfig, is_run
from geomrcnn.training.sources import Data, as_source, common_gsd
from geomrcnn.training.trainer import Batches, Trainer
from geomrcnn.training.validation import SCORES_FILE, Validation
from geomrcnn.training.watch import Watch

REPORT_FILE, MODEL_FILE = "report.html", "model.zip"


def train(
    data: Sequence[Data],
    out: str | os.PathLike[str],
    *,
    gsd: float | None = None,
    bands: Sequence[int] | None = None,
    validation: Data | None = None,
    preset: str | None = None,
    init: str = "imagenet",
    network: Mapping[str, Any] | None = None,
    training: TrainingConfig | None = None,
    augmentation: Augmentation | None = None,
    devices: int | None = None,
    resume: bool = False,
    bundle: bool = True,
    say: Callable[[str], None] = print,
    on_step: OnStep | None = None,
) -> RunConfig:
    """Train a network.

    Args:
        data: Paths of labelled images, `Source`s, or datasets of your own.
        out: The run directory; docs/training.md tells what it holds.
        gsd: Metres a pixel that all imagery is brought to; by default the middle one of the
            images' own. Datasets of your own must have it already.
        bands: Numbers from 1 of the bands to train on, in the order the network is to have them;
            None is all but alpha.
        validation: What to measure AP on at each checkpoint; by default what the sources set
            apart for it, as folders of chips and rasters with a label layer do.
        preset: Of `MaskRCNNConfig`; by default the network that `init` is for, or else "light"
            with anchors fitted to the objects.
        init: The weights to start from, as `starting_point` takes them. "last" goes on with the
            run in `out` if there is one.
        network: Fields of `MaskRCNNConfig` that are to be other than in the preset.
        training: How to train.
        augmentation: How far the tiles may stray.
        devices: How many GPUs (or CPU devices) to use; by default all. For several hosts see
            `find_devices`.
        resume: Go on with the run in `out`.
        bundle: Whether to make a model.zip of it at the end.
        say: Prints a line.
        on_step: Hears of each step; by default a line is said every 20 steps.

    Raises:
        GeomrcnnError: for data, options or weights that do not fit.
    """
    place = find_devices(devices)  # before anything else that TensorFlow does
    say = say if place.is_chief else _say_nothing
    folder, training = Path(out), training or TrainingConfig()
    gsd = gsd or common_gsd(data, bands)
    images = open_images(data, validation, gsd=gsd, bands=bands, tile=training.tile, say=say)
    resume = resume or (init == "last" and is_run(folder))
    pixels = common_pixel_type(images.dataset)
    statistics = statistics_for(
        images.dataset, pixels, training.seed, folder if resume else None, say
    )
    classes = images.dataset.classes
    init = RunConfig.read(folder).init if resume else _lasting(init, folder)
    begin = starting_point(
        init,
        preset=preset,
        classes=len(classes),
        bands=len(pixels.bands),
        folder=folder,
        backbone=(network or {}).get("backbone"),
    )
    if preset is None and init in ("imagenet", "none"):
        fitted = _anchors(images.dataset, folder if resume else None, say)
        network = {**fitted, **(network or {})}
    run = RunConfig(
        network=_changed(scaled_for(begin.config, begin.learnt_on, pixels, statistics), network),
        training=training,
        augmentation=augmentation or Augmentation(),
        classes=classes,
        gsd=gsd,
        pixels=pixels,
        statistics=statistics,
        sources=tuple(map(as_source, data)),
        validation=None if validation is None else as_source(validation),
        bands=None if bands is None else tuple(bands),
        init=init,
    )
    return _carry_out(run, images, begin.load, folder, place, resume, bundle, say, on_step)


def repeat(
    config: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    devices: int | None = None,
    resume: bool = False,
    bundle: bool = True,
    say: Callable[[str], None] = print,
    on_step: OnStep | None = None,
) -> RunConfig:
    """Train once more what a run.toml describes; on a CPU the same weights come out.

    Args:
        config: The file, or the directory of the run.
        out: The new run directory; the other arguments are those of `train`.

    Raises:
        GeomrcnnError: the data or weights it names are gone or have changed.
    """
    place = find_devices(devices)
    say = say if place.is_chief else _say_nothing
    run, folder = RunConfig.read(Path(config)), Path(out)
    images = open_images(
        run.sources,
        run.validation,
        gsd=run.gsd,
        bands=run.bands,
        tile=run.training.tile,
        say=say,
    )
    pixels = common_pixel_type(images.dataset)
    if images.dataset.classes != run.classes or pixels != run.pixels:
        raise DataError(
            f"{config}: was trained on {', '.join(run.classes)} in {run.pixels}, its data now "
            f"have {', '.join(images.dataset.classes)} in {pixels}"
        )
    begin = starting_point(
        run.init,
        preset=None,
        classes=len(run.classes),
        bands=len(run.pixels.bands),
        folder=folder,
    )
    return _carry_out(run, images, begin.load, folder, place, resume, bundle, say, on_step)


def _carry_out(
    run: RunConfig,
    images: Images,
    load: Loader,
    folder: Path,
    place: Place,
    resume: bool,
    bundle: bool,
    say: Callable[[str], None],
    on_step: OnStep | None,
) -> RunConfig:
    """Make the network, and train it from where it stands."""
    if run.training.patience and (place.hosts > 1 or images.validation is None):
        raise DataError("patience: stopping early needs one host, and data to validate on (--val)")
    if place.is_chief:
        _check_folder(run, folder, resume)
    keras.utils.set_random_seed(run.training.seed)
    with place.strategy.scope(), layers_in(run.training.precision):
        model = MaskRCNN(run.network)
        report = load(model)
    for line in report.lines() if report else ():
        say(line)
    trainer = Trainer(model, run.training, folder, place)
    start = trainer.resume() if resume else 0
    if start:
        say(f"resuming after step {start}")
    _fit(trainer, run, images, folder, start, bundle, say, on_step)
    return run


def _fit(
    trainer: Trainer,
    run: RunConfig,
    images: Images,
    folder: Path,
    start: int,
    bundle: bool,
    say: Callable[[str], None],
    on_step: OnStep | None,
) -> None:
    training, dataset = run.training, images.dataset
    draw = image_draw(dataset, training.seed, dataset.weights)

    def name_of(position: int) -> str:
        return dataset.name(draw(position)[0])

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
        trainer.fit(batches, NoLog(), start=start, name_of=name_of)
        return
    log = RunLog(folder, training.steps, start=start, say=say, on_step=on_step)
    watch = Watch(trainer, log, folder)
    if images.validation is not None:
        watch.validation = Validation(images.validation, card_of(run), folder, start)
    run.write(folder)
    if watch.goes_on(start):
        trainer.fit(batches, log, start=start, on_checkpoint=watch, name_of=name_of)
    _conclude(run, folder, watch.validation, bundle, say)


def _conclude(
    run: RunConfig,
    folder: Path,
    validation: Validation | None,
    bundle: bool,
    say: Callable[[str], None],
) -> None:
    """The report: curves, and how the best weights do on the validation data; and the model."""
    network = trained_network(folder)
    evaluation = validation.evaluate(network) if validation else None
    write_report(
        folder / REPORT_FILE,
        title=f"Training run {folder.name}",
        evaluation=evaluation,
        dataset=validation.dataset if validation else None,
        losses=folder / LOSSES_FILE,
        scores=folder / SCORES_FILE if validation else None,
        config=(folder / RUN_FILE).read_text(encoding="utf-8"),
    )
    say(f"{folder / REPORT_FILE}: what came of it")
    if bundle:
        card = bundle_network(
            network, run, evaluation, folder / MODEL_FILE, {"name": folder.name}, say=say
        )
        say(f"{folder / MODEL_FILE}: the model; finds {', '.join(card.classes)}")


def _say_nothing(line: str) -> None:
    """Where another process speaks."""


def _changed(config: MaskRCNNConfig, changes: Mapping[str, Any] | None) -> MaskRCNNConfig:
    return MaskRCNNConfig.from_dict({**config.to_dict(), **(changes or {})})


def _anchors(dataset: Dataset, resumed: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Anchors as large and as long as the objects.

    A run that is `resumed` keeps those it began with; no image is read for them.
    """
    if resumed is not None:
        known = RunConfig.read(resumed).network
        return {"anchor_sizes": known.anchor_sizes, "anchor_ratios": known.anchor_ratios}
    anchors = suggested_anchors(dataset)
    sizes, ratios = (", ".join(f"{value:g}" for value in row) for row in anchors.values())
    say(f"anchors fitted to the objects: {sizes} px, height to width {ratios}")
    return dict(anchors)


def _lasting(init: str, folder: Path) -> str:
    """Initial weights as they can be found from anywhere, at any time."""
    if init == "last":
        return str(newest_run(folder).absolute() / LAST)
    path = Path(init)
    is_place = path.is_file() or is_run(path) or is_run(path.parent)
    return str(path.absolute()) if is_place and init not in KEYWORDS else init


def _check_folder(run: RunConfig, folder: Path, resume: bool) -> None:
    """See that `folder` is free for a run, or holds this one.

    Raises:
        DataError: another run lives there.
    """
    if resume and RunConfig.read(folder) != run:
        raise DataError(
            f"{folder}: was started with other options (see {folder}/{RUN_FILE}): resume with "
            "the same, or start a new run elsewhere"
        )
    if not resume and is_run(folder):
        raise DataError(f"{folder}: holds a run already: add --resume, or choose another --out")
