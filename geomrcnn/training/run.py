"""A run directory: what was trained, on what, and how far it came."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomrcnn.data.augmentation import Augmentation
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
    """

    network: MaskRCNNConfig
    training: TrainingConfig
    augmentation: Augmentation
    classes: tuple[str, ...]
    gsd: float

    def write(self, folder: Path) -> None:
        """Keep it in `folder`/run.json."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {
            "network": self.network.to_dict(),
            "training": self.training.to_dict(),
            "augmentation": dataclasses.asdict(self.augmentation),
            "classes": self.classes,
            "gsd": self.gsd,
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
            return cls(
                MaskRCNNConfig.from_dict(values["network"]),
                TrainingConfig(**values["training"]),
                Augmentation(**{**stray, "scale": tuple(stray["scale"])}),
                tuple(values["classes"]),
                float(values["gsd"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder}: not the directory of a training run ({error})") from error


def is_run(folder: Path) -> bool:
    """Whether `folder` holds a run."""
    return (folder / _FILE).is_file()
