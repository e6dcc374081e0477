"""The model card: everything a user or a program must know to run a model on imagery."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from geomrcnn.bundle.calibration import IDENTITY, Calibration, ReliabilityBin
from geomrcnn.bundle.quantisation import Quantisation
from geomrcnn.errors import ModelError
from geomrcnn.network.fields import fields_from

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")
"""Of rasters, as NumPy calls them."""

LARGEST_TILE = 16_384
"""Pixels; the activations of a network would fill any memory from here on."""


@dataclass(frozen=True)
class ModelCard:
    """What a model detects, what it wants to see, and where it comes from.

    Attributes:
        name: Short name, as given to `--model`.
        classes: Names of classes 1..C, in the order of the network's outputs.
        bands: Names of the input bands, in order.
        dtype: NumPy dtype name the raster must have.
        gsd: Ground sample distance the model works at, in metres.
        tile: Side of a tile in pixels, a multiple of 32.
        overlap: Overlap of neighbouring tiles in pixels.
        min_score: Calibrated score from which a detection is reported by default.
        mean: Per band, subtracted from the pixel values.
        std: Per band, the divisor after that.
        black: Per band, the value that the darkest thousandth of the training data does not reach;
            empty for bytes, where it is 0.
        white: Per band, the value that only the brightest thousandth exceeds; empty for bytes,
            where it is 255.
        description: One paragraph for people.
        training_data: One entry a source, with its licence.
        licence: SPDX expression of the weights.
        metrics: Validation figures by name; groups of them under a heading, such as "at 2 m".
        precision: "fp32"; in bundles of before there could be two OpenVINO graphs, what the only
            one computes in.
        calibration: From the network's scores to those that are reported.
        reliability: How often detections of the validation images were right, by their calibrated
            score; empty where nobody has looked.
        quantisation: How the OpenVINO graph in int8 was made; None if there is none.
    """

    name: str
    classes: tuple[str, ...]
    bands: tuple[str, ...]
    dtype: str
    gsd: float
    tile: int
    overlap: int
    min_score: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    description: str = ""
    training_data: tuple[str, ...] = ()
    licence: str = ""
    metrics: dict[str, float | dict[str, float]] = dataclasses.field(default_factory=dict)
    precision: str = "fp32"
    calibration: Calibration = IDENTITY
    reliability: tuple[ReliabilityBin, ...] = ()
    black: tuple[float, ...] = ()
    white: tuple[float, ...] = ()
    quantisation: Quantisation | None = None

    def __post_init__(self) -> None:
        """Refuse a card that contradicts itself.

        Raises:
            ModelError: naming the field that is wrong.
        """
        if not self.classes:
            raise ModelError("model card: 'classes' is empty")
        if not (len(self.mean) == len(self.std) == len(self.bands) > 0):
            raise ModelError("model card: 'mean' and 'std' need one value for each of 'bands'")
        if not len(self.black) == len(self.white) in (0, len(self.bands)):
            raise ModelError("model card: 'black' and 'white' need one value for each of 'bands'")
        if self.dtype not in DTYPES:
            raise ModelError(f"model card: 'dtype' is none of {', '.join(DTYPES)}: '{self.dtype}'")
        numbers = (*self.mean, *self.std, *self.black, *self.white)
        if not np.isfinite(numbers).all():
            raise ModelError("model card: 'mean', 'std', 'black' and 'white' must be finite")
        if not 0 <= self.min_score <= 1:
            raise ModelError(f"model card: 'min_score' must be in 0 to 1, not {self.min_score}")
        if not 0 < self.gsd < math.inf:
            raise ModelError(f"model card: 'gsd' must be positive metres, not {self.gsd}")
        if not 0 < self.tile <= LARGEST_TILE or self.tile % 32:
            raise ModelError(
                f"model card: 'tile' must be a multiple of 32 up to {LARGEST_TILE}, not {self.tile}"
            )
        if not 0 <= self.overlap < self.tile:
            raise ModelError("model card: 'overlap' must be at least 0 and less than 'tile'")

    def to_dict(self) -> dict[str, Any]:
        """The card as plain JSON values; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelCard:
        """A card from what `to_dict` gave, perhaps by way of JSON.

        Raises:
            ModelError: for a field that is missing, unknown, or of another type.
        """
        if isinstance(calibration := values.get("calibration"), dict):
            made = fields_from(Calibration, calibration, "model card: 'calibration'")
            values = {**values, "calibration": Calibration(**made)}
        if isinstance(bins := values.get("reliability"), (list, tuple)):
            values = {**values, "reliability": [_bin(entry) for entry in bins]}
        if isinstance(made_int8 := values.get("quantisation"), dict):
            quantisation = fields_from(Quantisation, made_int8, "model card: 'quantisation'")
            values = {**values, "quantisation": Quantisation(**quantisation)}
        return cls(**fields_from(cls, values, "model card"))


def _bin(entry: Any) -> ReliabilityBin:
    values = entry if isinstance(entry, dict) else {}
    return ReliabilityBin(**fields_from(ReliabilityBin, values, "model card: 'reliability'"))
