"""From another project's file of weights to a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geomrcnn.bundle.card import ModelCard
from geomrcnn.bundle.coco_names import COCO_80, COCO_90
from geomrcnn.bundle.make import write_model
from geomrcnn.errors import ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.assign import Report, load_weights
from geomrcnn.network.weights.reading import read_foreign

GSD = 0.1
_TILE = 1024
_RGB = ("red", "green", "blue")


def import_weights(
    path: Path,
    out: Path,
    *,
    classes: Sequence[str] | None = None,
    card: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    batch_norm_epsilon: float | None = None,
    tell: Callable[[Report], None] = lambda report: None,
) -> ModelCard:
    """Make a bundle of a file of matterport's or torchvision's Mask R-CNN.

    Args:
        path: The file.
        out: The bundle to write.
        classes: Names of classes 1..C; by default COCO's where there are as many, else numbers.
        card: Fields of the model card that the file does not know.
        changes: Fields of the network's config that the file does not know, such as anchor_sizes.
        batch_norm_epsilon: Of a torchvision backbone, as `read_torchvision` takes it.
        tell: Told what became of the weights, whether or not they are enough.

    Returns:
        The card.

    Raises:
        ModelError: the file cannot be read, lacks weights, or something given does not fit it.
    """
    foreign = read_foreign(path, batch_norm_epsilon=batch_norm_epsilon)
    config = foreign.config(**(changes or {}))
    made = _card(path, out, config, classes, card or {})
    model = MaskRCNN(config)
    report = load_weights(model, foreign.tensors, str(path), foreign.left_over, partial=True)
    tell(report)
    if report.missing:
        raise ModelError(
            f"{path} lacks {len(report.missing)} of {len(model.weights)} weights: a model file "
            "needs all of them, but a training can start from these, with --init"
        )
    write_model(model, made, out)
    return made


def _card(
    path: Path,
    out: Path,
    config: MaskRCNNConfig,
    classes: Sequence[str] | None,
    fields: Mapping[str, Any],
) -> ModelCard:
    """The card, with what photographs do not say left to `fields`."""
    names = _names(config.classes) if classes is None else tuple(classes)
    if len(names) != config.classes:
        raise ModelError(
            f"{path} is for {config.classes} classes, not for the {len(names)} that are named"
        )
    bands = _RGB if config.bands == 3 else tuple(f"band{i + 1}" for i in range(config.bands))
    standard = {
        "name": out.stem,
        "classes": names,
        "bands": bands,
        "dtype": "uint8",
        "gsd": GSD,
        "tile": _TILE,
        "overlap": _TILE // 4,
        "min_score": 0.7,
        "mean": config.pixel_mean,
        "std": config.pixel_std,
        "description": f"Imported from {path.name}.",
    }
    return ModelCard.from_dict({**standard, **fields})


def _names(classes: int) -> tuple[str, ...]:
    for known in (COCO_80, COCO_90):
        if len(known) == classes:
            return known
    return tuple(f"class {number}" for number in range(1, classes + 1))
