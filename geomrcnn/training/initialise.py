"""Where a training starts from: which network, and with which weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.dataset import TRUE_COLOUR, PixelType
from geomrcnn.errors import DataError, ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.assign import Report, load_weights
from geomrcnn.network.weights.download import fetch
from geomrcnn.network.weights.imagenet import imagenet_scaling, load_imagenet
from geomrcnn.network.weights.matterport import COCO
from geomrcnn.network.weights.own import named_weights
from geomrcnn.network.weights.reading import is_bundle, read_foreign
from geomrcnn.network.weights.stem import spread
from geomrcnn.training.checkpoints import LAST, load_trained
from geomrcnn.training.run import RunConfig, is_run

DEFAULT_PRESET = "light"
KEYWORDS = ("imagenet", "none", "coco", "last")
"""Initial weights that are no file."""
_CONVENTIONS = ("geometry", "backbone", "resnet_style", "batch_norm_epsilon")
"""What weights were learnt under and cannot be parted from."""


class Loader(Protocol):
    """Gives a network its first weights."""

    def __call__(self, model: MaskRCNN) -> Report | None:
        """Load them into `model`, and tell; None where it keeps those it was made with."""


class Start(NamedTuple):
    """Where a training starts from."""

    config: MaskRCNNConfig
    load: Loader
    learnt_on: PixelType = TRUE_COLOUR


class _Known(NamedTuple):
    """A network that has weights already."""

    source: str
    config: MaskRCNNConfig
    tensors: Mapping[str, np.ndarray]
    left_over: tuple[str, ...] = ()
    learnt_on: PixelType = TRUE_COLOUR


def starting_point(
    init: str,
    *,
    preset: str | None,
    classes: int,
    bands: int,
    folder: Path,
    backbone: str | None = None,
) -> Start:
    """Find the weights `init` and the network they are for, made to fit the data.

    Args:
        init: "imagenet", "none", "coco" (matterport's file), "last" (the newest checkpoint of the
            run in `folder`, or else of its neighbours), a run directory or its checkpoints, a file
            of weights of matterport's or torchvision's Mask R-CNN, a bundle file, or the name of a
            shipped model.
        preset: Of `MaskRCNNConfig`; None is `DEFAULT_PRESET`, or the network of the weights.
        classes: How many the data has.
        bands: How many its images have; weights for RGB are fitted to any number.
        folder: The run directory to be.
        backbone: Another than the preset's, where a training begins with no more than one.

    Raises:
        GeomrcnnError: there are no such weights, they cannot be read, or do not fit.
    """
    if init in ("imagenet", "none"):
        # A stem that was learnt on RGB must learn what the other bands are.
        thaw = init == "none" or bands != 3
        config = MaskRCNNConfig.preset(preset or DEFAULT_PRESET)
        config = _for_data(config, backbone or config.backbone, classes, bands, train_stem=thaw)
        return Start(config, _load_imagenet if init == "imagenet" else _load_nothing)
    known = _find(init, folder)
    config = _fitted(known, preset, classes, bands)
    load = partial(
        load_weights,
        tensors=known.tensors,
        source=known.source,
        left_over=known.left_over,
        partial=True,
    )
    return Start(config, load, known.learnt_on)


def trained_network(folder: Path, which: str = "") -> MaskRCNN:
    """The network of the run in `folder`, with the weights that `which` means to `load_trained`.

    Raises:
        GeomrcnnError: there is no run or no checkpoint, or it is damaged.
    """
    model = MaskRCNN(RunConfig.read(folder).network)
    load_trained(folder, model, which)
    return model


def _for_data(
    config: MaskRCNNConfig, backbone: str, classes: int, bands: int, *, train_stem: bool
) -> MaskRCNNConfig:
    """The config with a backbone, and with the pixel scaling of its ImageNet weights."""
    mean, std = imagenet_scaling(backbone)
    return dataclasses.replace(
        config,
        backbone=backbone,
        classes=classes,
        bands=bands,
        pixel_mean=spread(mean, bands),
        pixel_std=spread(std, bands),
        train_stem=train_stem,
    )


def _load_imagenet(model: MaskRCNN) -> Report:
    return load_imagenet(model.backbone, model.config.backbone)


def _load_nothing(model: MaskRCNN) -> None:
    return None


def _find(init: str, folder: Path) -> _Known:
    """The network behind any `init` that is a whole network."""
    path = Path(init)
    if init == "coco":
        return _foreign(fetch(COCO))
    if init == "last":
        return _run(newest_run(folder), LAST)
    for place in (path, path.parent):
        if path.is_dir() and is_run(place):
            return _run(place, LAST if path.name == LAST else "")
    if path.is_file() and not is_bundle(path):
        return _foreign(path)
    try:
        bundle = Bundle.open(init)
    except ModelError as error:
        raise ModelError(
            f"{error}; or start from imagenet, coco, none, last, a run directory, or a file of "
            "weights of matterport's or torchvision's Mask R-CNN"
        ) from error
    return _Known(
        str(bundle.path),
        bundle.config(),
        bundle.weights(),
        learnt_on=PixelType(bundle.card.dtype, bundle.card.bands),
    )


def _foreign(path: Path) -> _Known:
    foreign = read_foreign(path)
    # Tiles come at the GSD of the model: they are not resized as photographs are.
    config = foreign.config(image_min_side=0, image_max_side=0)
    learnt_on = TRUE_COLOUR
    if config.bands != len(TRUE_COLOUR.bands):
        names = tuple(f"band{number}" for number in range(1, config.bands + 1))
        learnt_on = PixelType(TRUE_COLOUR.dtype, names)
    source = f"{path} (geometry {config.geometry})"
    return _Known(source, config, foreign.tensors, foreign.left_over, learnt_on)


def _run(folder: Path, which: str = "") -> _Known:
    run, weights = RunConfig.read(folder), named_weights(trained_network(folder, which))
    return _Known(str(folder), run.network, weights, learnt_on=run.pixels)


def newest_run(folder: Path) -> Path:
    """The run in `folder`, or else the one beside it with the newest checkpoint.

    Raises:
        DataError: there is none.
    """
    if is_run(folder):
        return folder
    neighbours = [place for place in folder.parent.glob("*/") if is_run(place)]
    newest = {
        max(path.stat().st_mtime for path in checkpoints): place
        for place in neighbours
        if (checkpoints := list(place.glob(f"{LAST}/*.index")))
    }
    if not newest:
        raise DataError(f"--init last: there is no run with a checkpoint in {folder.parent}")
    return newest[max(newest)]


def _fitted(known: _Known, preset: str | None, classes: int, bands: int) -> MaskRCNNConfig:
    """The config of a known network, or of a preset like it, for other classes and bands.

    Raises:
        GeomrcnnError: naming what does not fit.
    """
    config, theirs = known.config, known.config
    if preset is not None:
        config = MaskRCNNConfig.preset(preset)
        for name in _CONVENTIONS:
            if getattr(config, name) != getattr(theirs, name):
                raise ModelError(
                    f"{known.source} was learnt with {name} {getattr(theirs, name)}, the preset "
                    f"{preset} has {getattr(config, name)}: leave out --preset"
                )
    if theirs.bands not in (bands, 3):
        raise DataError(f"{known.source} is for {theirs.bands} bands, the data has {bands}")
    same = theirs.bands == bands
    return dataclasses.replace(
        config,
        classes=classes,
        bands=bands,
        pixel_mean=theirs.pixel_mean if same else spread(theirs.pixel_mean, bands),
        pixel_std=theirs.pixel_std if same else spread(theirs.pixel_std, bands),
        train_stem=theirs.train_stem or not same or "stem_conv/kernel" not in known.tensors,
    )
