"""Another project's network, told in our terms: which network it is, and its weights by our names.

What the readers turn round, so that nothing else has to know: background is no output of boxes and
masks, an anchor has one objectness logit, deltas are (dx, dy, dw, dh), kernels are in Keras' layout
and fully connected layers take features flattened by row, column and channel.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from geomrcnn.network.backbones.resnet import RESNETS
from geomrcnn.network.config import MaskRCNNConfig


class Foreign(NamedTuple):
    """What a file of another project holds."""

    preset: str
    """The preset of `MaskRCNNConfig` that computes as that project does."""
    config_changes: dict[str, Any]
    """What the file says of its network beyond the preset, such as "classes" and "backbone"; a
    partial file says less."""
    tensors: dict[str, np.ndarray]
    """Weights by the names of `named_weights`, float32. A layer that has a kernel here and no bias
    has none: its bias is zero."""
    left_over: tuple[str, ...]
    """Names, as in the file, of tensors that the network has no place for."""

    def config(self, **changes: Any) -> MaskRCNNConfig:
        """The config of the network the file was made for, with some fields changed.

        Raises:
            ModelError: for values that cannot work.
        """
        return MaskRCNNConfig.preset(self.preset, **{**self.config_changes, **changes})


def count_classes(tensors: dict[str, np.ndarray]) -> dict[str, int]:
    """{"classes": C} if the class logits are among our `tensors`, else nothing."""
    bias = tensors.get("box_head/logits/bias")
    return {} if bias is None else {"classes": bias.size - 1}


def which_resnet(tensors: dict[str, np.ndarray]) -> dict[str, str]:
    """{"backbone": name}, by the number of blocks in stage 4; nothing if the file ends before."""
    for name in ("resnet101", "resnet50"):
        if f"block4_{RESNETS[name].blocks[2]}_conv1/kernel" in tensors:
            return {"backbone": name}
    return {}


def without_background(array: np.ndarray, values: int = 1) -> np.ndarray:
    """Drop the background's outputs, the first `values` of the last axis."""
    return array[..., values:]
