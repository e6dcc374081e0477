"""Which layers learn at which step of a run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import keras

from geomrcnn.errors import DataError
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.own import weight_name
from geomrcnn.training.config import TrainingConfig


class Span(NamedTuple):
    """Steps `start` to `end` of a run (from 0, `end` left out), in which `layers` learn.

    `layers` are as in `Stage`; None is what the network was built to learn.
    """

    start: int
    end: int
    layers: str | None


def spans(config: TrainingConfig, start: int = 0) -> Iterator[Span]:
    """What is left of a run after `start` steps, cut where other layers begin to learn."""
    if not config.stages:
        yield Span(start, config.steps, None)
    first = 0
    for layers, stages in itertools.groupby(config.stages, lambda stage: stage.layers):
        end = first + sum(stage.steps for stage in stages)
        if end > start:
            yield Span(max(first, start), end, layers)
        first = end


def choose_layers(model: MaskRCNN, layers: str | None) -> None:
    """Let `layers` (see `Span`) learn and freeze all others.

    A frozen batch norm stands still altogether: its statistics do not move either. Those of the
    backbone learn only in a network with `train_batch_norm`.

    Raises:
        DataError: no layer is chosen by `layers`.
    """
    if layers is None:
        return
    stage_of = _backbone_stages(model.backbone)
    named = list(_layers(model))
    for name, layer in named:
        stage = stage_of.get(id(layer))
        still = (
            stage is not None
            and isinstance(layer, keras.layers.BatchNormalization)
            and not model.config.train_batch_norm
        )
        layer.trainable = _chosen(layers, name, stage) and not still
    if not any(layer.trainable for _, layer in named):
        known = ", ".join(name for name, _ in named[-3:])
        raise DataError(f"stage '{layers}': no layer has such a name; there are {known} and others")


def learnt(model: MaskRCNN, config: TrainingConfig) -> dict[str, keras.Variable]:
    """The variables that learn in some stage of a run, by name."""
    found: dict[str, keras.Variable] = {}
    for span in spans(config):
        choose_layers(model, span.layers)
        found.update((weight_name(variable), variable) for variable in model.trainable_variables)
    return found


def _chosen(layers: str, name: str, stage: int | None) -> bool:
    """Whether a layer learns; its `stage` is None outside the backbone."""
    if layers == "all":
        return True
    if layers == "heads":
        return stage is None
    if layers in ("3+", "4+", "5+"):
        return stage is None or stage >= int(layers[0])
    return re.fullmatch(layers, name) is not None


def _backbone_stages(backbone: keras.Model) -> dict[int, int]:
    """The stage of each layer by its id: 2 for all up to C2, 3 from there to C3, and so on."""
    stages: dict[int, int] = {}
    for stage, output in enumerate(backbone.outputs, start=2):
        for layer in keras.Model(backbone.input, output).layers:
            stages.setdefault(id(layer), stage)
    return stages


def _layers(model: MaskRCNN) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer with weights of its own and its name, such as "fpn/lateral2"."""
    for layer in model._flatten_layers(include_self=False):
        inner = any(True for _ in layer._flatten_layers(include_self=False))
        if layer.weights and not inner:
            yield weight_name(layer.weights[0]).rpartition("/")[0], layer
