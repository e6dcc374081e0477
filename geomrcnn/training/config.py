"""Every number of a training run that is not the network's own."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from geomrcnn.errors import DataError

SCHEDULES = ("cosine", "step", "constant")
PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Stage:
    """A part of a run in which some layers learn and the others are frozen.

    Attributes:
        layers: "heads" is everything but the backbone; "3+", "4+" and "5+" are the heads and the
            backbone from that stage on (stage 5 ends in C5); "all" is all. Anything else is a
            regular expression that the whole name of a layer must match, such as "mask_head/.*".
        steps: Optimizer steps.
        rate: The learning rate is multiplied by this.
    """

    layers: str
    steps: int
    rate: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a stage that cannot work.

        Raises:
            DataError: saying what is wrong with it.
        """
        if self.steps < 1 or self.rate <= 0:
            raise DataError(f"stage '{self.layers}': steps and rate must be positive")
        try:
            re.compile(self.layers)
        except re.error as error:
            raise DataError(f"stage '{self.layers}': not a regular expression: {error}") from error

    @classmethod
    def parse(cls, text: str) -> Stage:
        """A stage from "heads:1000" or "all:1000@0.1": layers, steps and rate.

        Raises:
            DataError: `text` is nothing of the kind.
        """
        parts = re.fullmatch(r"(.+):(\d+)(?:@([\d.]+(?:e-?\d+)?))?", text)
        try:
            assert parts
            return cls(parts[1], int(parts[2]), float(parts[3] or 1))
        except (AssertionError, ValueError) as error:
            raise DataError(
                f"'{text}' is no stage: write LAYERS:STEPS or LAYERS:STEPS@RATE, for instance "
                "heads:1000 or all:500@0.1"
            ) from error


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes:
        steps: Optimizer steps in all.
        batch: Tiles a step, over all devices.
        accumulate: Each device works through its share of a batch in so many parts, one after
            the other: the same result in less memory. (Batch norms that learn see the parts.)
        tile: Side of a tile in pixels, a multiple of 32.
        learning_rate: At its height, after the warm-up.
        warmup_steps: Over these the learning rate grows from zero.
        schedule: After the warm-up the learning rate falls to zero along half a cosine
            ("cosine"), falls to a tenth at 2/3 and again at 8/9 of the steps ("step", as in
            detectron2's schedules), or stays ("constant").
        stages: Which layers learn when; together as long as `steps`. None: all that the network
            was built to learn, from the first step to the last.
        momentum: Of SGD.
        weight_decay: Per step, times the learning rate; biases and norms are left alone.
        clip_norm: Gradients together are at most this long.
        average: Evaluate and keep an exponential moving average of the weights, in which those
            of the step before count this much, such as 0.999; 0 for the weights as they are.
        precision: Of convolutions and products: float32, bfloat16 or float16. Weights, boxes,
            NMS and losses are float32 always.
        seed: Decides which tiles, augmentations, anchors and RoIs are drawn.
        checkpoint_steps: Each so many steps a checkpoint is written, and validation data scored.
        patience: Stop after so many scores in a row that are no better; 0 never stops early.
    """

    steps: int = 5000
    batch: int = 2
    accumulate: int = 1
    tile: int = 512
    learning_rate: float = 0.005
    warmup_steps: int = 300
    schedule: str = "cosine"
    stages: tuple[Stage, ...] = ()
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 5.0
    average: float = 0.0
    precision: str = "float32"
    seed: int = 0
    checkpoint_steps: int = 250
    patience: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work.

        Raises:
            DataError: naming the option and what it must be.
        """
        for wrong, message in self._faults():
            if wrong:
                raise DataError(f"training config: {message}")

    def _faults(self) -> list[tuple[bool, str]]:
        counts = ("steps", "batch", "accumulate", "checkpoint_steps")
        choices = {"schedule": SCHEDULES, "precision": PRECISIONS}
        return [
            *((getattr(self, name) < 1, f"{name} must be at least 1") for name in counts),
            *(
                (
                    getattr(self, name) not in known,
                    f"{name} '{getattr(self, name)}' is none of {', '.join(known)}",
                )
                for name, known in choices.items()
            ),
            (self.tile < 64 or bool(self.tile % 32), "tile must be a multiple of 32, 64 or more"),
            (
                min(self.learning_rate, self.clip_norm) <= 0,
                "learning_rate and clip_norm must be positive",
            ),
            (
                min(self.weight_decay, self.warmup_steps, self.patience) < 0,
                "weight_decay, warmup_steps and patience must not be negative",
            ),
            (
                not (0 <= self.momentum < 1 and 0 <= self.average < 1),
                "momentum and average must be at least 0 and below 1",
            ),
            (
                bool(self.stages) and sum(stage.steps for stage in self.stages) != self.steps,
                "the stages must have as many steps as the run",
            ),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingConfig:
        """A config from what `to_dict` gave, perhaps by way of JSON.

        Fields that are missing, as in runs of older versions, are what they were then.

        Raises:
            TypeError: for a field this version does not know.
        """
        stages = tuple(Stage(**stage) for stage in values.get("stages", ()))
        return cls(**{**values, "stages": stages})
