"""A run directory: what was trained, on what, and how far it came."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.dataset import TRUE_COLOUR, PixelType
from geomrcnn.data.statistics import BandStatistics
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.training.config import TrainingConfig

_FILE = "run.json"


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's outcome, data aside.

    Attributes:
        network: The network.
        training: The training.
        augmentation: How far tiles may stray.
        classes: Names of classes 1..C.
        gsd: Metres a pixel that all imagery is brought to.
        pixels: What all images hold.
        statistics: Measured on them; None for 8-bit RGB.
    """

    network: MaskRCNNConfig
    training: TrainingConfig
    augmentation: Augmentation
    classes: tuple[str, ...]
    gsd: float
    pixels: PixelType
    statistics: BandStatistics | None = None

    def write(self, folder: Path) -> None:
        """Keep it in `folder`/run.json."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {
            "network": self.network.to_dict(),
            "training": self.training.to_dict(),
            "augmentation": dataclasses.asdict(self.augmentation),
            "classes": self.classes,
            "gsd": self.gsd,
            "pixels": self.pixels._asdict(),
            "statistics": self.statistics and self.statistics._asdict(),
        }
        partial = folder / f".{_FILE}.partial"
        partial.write_text(json.dumps(values, indent=2) + "\n")
        partial.replace(folder / _FILE)

    @classmethod
    def read(cls, folder: Path) -> RunConfig:
        """The config of the run in `folder`.

        Raises:
            DataError: `folder` holds no run.
        """
        try:
            values: dict[str, Any] = json.loads((folder / _FILE).read_text())
            stray = values["augmentation"]
            measured = values.get("statistics")
            return cls(
                MaskRCNNConfig.from_dict(values["network"]),
                TrainingConfig.from_dict(values["training"]),
                Augmentation(**{**stray, "scale": tuple(stray["scale"])}),
                tuple(values["classes"]),
                float(values["gsd"]),
                _pixel_type(values.get("pixels", TRUE_COLOUR._asdict())),
                measured and BandStatistics(**{k: tuple(v) for k, v in measured.items()}),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder}: not the directory of a training run ({error})") from error


def _pixel_type(values: dict[str, Any]) -> PixelType:
    return PixelType(str(values["dtype"]), tuple(values["bands"]))


def is_run(folder: Path) -> bool:
    """Whether `folder` holds a run."""
    return (folder / _FILE).is_file()
