"""From a run to a bundle."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.bundle.card import ModelCard
from geomrcnn.bundle.make import write_model
from geomrcnn.data.dataset import ConcatDataset
from geomrcnn.errors import DataError, MissingExtraError
from geomrcnn.evaluation.calibration import calibrated
from geomrcnn.evaluation.evaluation import Evaluation, evaluate_dataset
from geomrcnn.export.calibration import IMAGES
from geomrcnn.export.openvino import write_with_int8
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.runtime.keras import KerasDetector
from geomrcnn.training.images import Images, open_images
from geomrcnn.training.initialise import trained_network
from geomrcnn.training.run import RunConfig
from geomrcnn.training.typical import typical_tiles

FIGURES = ("mask AP", "mask AP50", "box AP")
"""Scores that a card keeps."""


def card_of(run: RunConfig) -> ModelCard:
    """The model card of a run, but for what only its maker knows."""
    network, tile = run.network, run.training.tile
    measured = None if run.pixels.dtype == "uint8" else run.statistics
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
        black=measured.low if measured else (),
        white=measured.high if measured else (),
    )


def bundle_run(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    card: dict[str, Any],
    which: str = "",
    *,
    calibrate: bool = True,
    int8: bool = False,
    say: Callable[[str], None] = print,
    on_image: Callable[[int, int], None] = lambda done, total: None,
) -> ModelCard:
    """Make a bundle of a run.

    Args:
        folder: The run directory.
        out: The bundle file to write.
        card: Fields of the model card that the run does not know: name, licence, ...
        which: The weights, "best" or "last"; by default the best if any are known.
        calibrate: Whether to make scores probabilities and choose the default score, both on the
            run's validation data; without such data nothing is done.
        int8: Whether to add a graph in 8-bit integers, made with tiles of the training images.
        say: Prints a line.
        on_image: Hears how many of the images have been looked at that it calibrates on.

    Raises:
        GeomrcnnError: there is no checkpoint, the card does not fit, or the data to calibrate with
            are gone.
        MissingExtraError: NNCF is not installed.
    """
    folder = Path(folder)
    run = RunConfig.read(folder)
    if int8 and find_spec("nncf") is None:
        raise MissingExtraError("export", "int8")
    images = _images(run) if calibrate or int8 else None
    if int8 and images is None:
        raise DataError(
            f"{folder}: was trained on a dataset of its own; bundle it without --int8, then "
            "geomrcnn export --format openvino --int8 --calibrate IMAGES..."
        )
    ModelCard.from_dict({**card_of(run).to_dict(), **card})  # before the work: is it one?
    network = trained_network(folder, which)
    evaluation = None
    if calibrate and images is not None and images.validation is not None:
        detector = KerasDetector(network, card_of(run))
        evaluation = evaluate_dataset(detector, images.validation, on_image=on_image)
    made = bundle_network(network, run, evaluation, out, card, say=say)
    if int8 and images is not None:
        made = _add_int8(Path(out), run, images.dataset)
    return made


def bundle_network(
    network: MaskRCNN,
    run: RunConfig,
    evaluation: Evaluation | None,
    out: str | os.PathLike[str],
    card: dict[str, Any],
    *,
    say: Callable[[str], None] = print,
) -> ModelCard:
    """Make a bundle of the network of a run; `evaluation` is of it, other arguments as above.

    Raises:
        ModelError: the card does not fit.
    """
    made = card_of(run)
    if evaluation is not None:
        made = _measured(made, evaluation, say)
    made = ModelCard.from_dict({**made.to_dict(), **card})
    write_model(network, made, Path(out))
    return made


def _measured(card: ModelCard, evaluation: Evaluation, say: Callable[[str], None]) -> ModelCard:
    """A card that says how good the model is; calibrated, where it is good enough for that."""
    scores = {name: round(evaluation.coco.overall[name], 4) for name in FIGURES}
    card = replace(card, metrics={**card.metrics, **scores})
    try:
        return calibrated(card, evaluation.verdicts())
    except DataError as error:
        say(f"scores are left as they are: {error}")
        return card


def _add_int8(path: Path, run: RunConfig, dataset: ConcatDataset) -> ModelCard:
    """Write a bundle of a run again, with a graph in int8."""
    tiles = typical_tiles(dataset, run.network, run.training.tile, IMAGES)
    write_with_int8(Bundle.open(path), path, tiles)
    return Bundle.open(path).card


def _images(run: RunConfig) -> Images | None:
    """What a run was trained and measured on; None if that was in the memory of its maker."""
    used = (*run.sources, *((run.validation,) if run.validation else ()))
    if not all(source.is_file for source in used):
        return None
    return open_images(
        run.sources,
        run.validation,
        gsd=run.gsd,
        bands=run.bands,
        tile=run.training.tile,
        say=lambda line: None,
    )
