"""The run directory's run.toml: all that it takes to train the same network again."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.dataset import TRUE_COLOUR, PixelType
from geomrcnn.data.statistics import BandStatistics
from geomrcnn.errors import DataError, GeomrcnnError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.sources import Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RUN_FILE = "run.toml"


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's outcome.

    Attributes:
        network: The network.
        training: The training.
        augmentation: How far tiles may stray.
        classes: Names of classes 1..C.
        gsd: Metres a pixel that all imagery is brought to.
        pixels: What all images hold.
        statistics: Measured on them; None for 8-bit RGB.
        sources: Where the images and labels are.
        validation: Those to measure AP on, if any.
        bands: Numbers from 1 of the bands that are read; None is all but alpha.
        init: The weights that it started from, as `starting_point` takes them.
    """

    network: MaskRCNNConfig
    training: TrainingConfig
    augmentation: Augmentation
    classes: tuple[str, ...]
    gsd: float
    pixels: PixelType = TRUE_COLOUR
    statistics: BandStatistics | None = None
    sources: tuple[Source, ...] = ()
    validation: Source | None = None
    bands: tuple[int, ...] | None = None
    init: str = "imagenet"

    def write(self, folder: Path) -> None:
        """Keep it in `folder`/run.toml."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {
            "init": self.init,
            "gsd": self.gsd,
            "classes": self.classes,
            "bands": self.bands,
            "sources": [dataclasses.asdict(source) for source in self.sources],
            "validation": self.validation and dataclasses.asdict(self.validation),
            "pixels": self.pixels._asdict(),
            "statistics": self.statistics and self.statistics._asdict(),
            "augmentation": dataclasses.asdict(self.augmentation),
            "training": self.training.to_dict(),
            "network": self.network.to_dict(),
        }
        partial = folder / f".{RUN_FILE}.partial"
        partial.write_text(tomli_w.dumps(_told(values)), encoding="utf-8")
        partial.replace(folder / RUN_FILE)

    @classmethod
    def read(cls, path: Path) -> RunConfig:
        """The config of a run.

        Args:
            path: Its directory, or a file like its run.toml.

        Raises:
            DataError: `path` holds no run, or one with fields this version does not know.
        """
        file = path / RUN_FILE if path.is_dir() else path
        try:
            values = _frozen(tomllib.loads(file.read_text(encoding="utf-8")))
            statistics, validation = values.get("statistics"), values.get("validation")
            return cls(
                network=MaskRCNNConfig.from_dict(values["network"]),
                training=TrainingConfig.from_dict(values["training"]),
                augmentation=Augmentation(**values["augmentation"]),
                classes=values["classes"],
                gsd=float(values["gsd"]),
                pixels=PixelType(**values["pixels"]),
                statistics=statistics and BandStatistics(**statistics),
                sources=tuple(Source(**source) for source in values.get("sources", ())),
                validation=validation and Source(**validation),
                bands=values.get("bands"),
                init=values["init"],
            )
        except FileNotFoundError as error:
            raise DataError(f"{path}: not the directory of a training run") from error
        except (OSError, ValueError, KeyError, TypeError, GeomrcnnError) as error:
            raise DataError(f"{file}: not the config of a training run ({error})") from error


def is_run(folder: Path) -> bool:
    """Whether `folder` holds a run."""
    return (folder / RUN_FILE).is_file()


def _told(values: Any) -> Any:
    """Values without those that are None, which TOML cannot say."""
    if isinstance(values, dict):
        return {key: _told(value) for key, value in values.items() if value is not None}
    return [_told(value) for value in values] if isinstance(values, (list, tuple)) else values


def _frozen(values: Any) -> Any:
    """Values with tuples for lists."""
    if isinstance(values, dict):
        return {key: _frozen(value) for key, value in values.items()}
    return tuple(_frozen(value) for value in values) if isinstance(values, list) else values
