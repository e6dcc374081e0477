"""Every number of a training run that is not the network's own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from geomrcnn.errors import DataError


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes:
        steps: Optimizer steps in all.
        batch: Tiles a step.
        tile: Side of a tile in pixels, a multiple of 32.
        learning_rate: At its height, after the warm-up; it falls to zero along half a cosine.
        warmup_steps: Over these the learning rate grows from zero.
        momentum: Of SGD.
        weight_decay: Per step, times the learning rate; biases and norms are left alone.
        clip_norm: Gradients together are at most this long.
        seed: Decides which tiles, augmentations, anchors and RoIs are drawn.
        checkpoint_steps: A checkpoint is written each so many steps.
    """

    steps: int = 5000
    batch: int = 2
    tile: int = 512
    learning_rate: float = 0.005
    warmup_steps: int = 300
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 5.0
    seed: int = 0
    checkpoint_steps: int = 250

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work.

        Raises:
            DataError: naming the option and what it must be.
        """
        for name in ("steps", "batch", "checkpoint_steps"):
            if getattr(self, name) < 1:
                raise DataError(f"training config: {name} must be at least 1")
        if self.tile < 64 or self.tile % 32:
            raise DataError("training config: tile must be a multiple of 32, 64 or more")
        if self.learning_rate <= 0 or self.clip_norm <= 0:
            raise DataError("training config: learning_rate and clip_norm must be positive")

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        return dataclasses.asdict(self)
