"""geomrcnn's algorithms in the Processing toolbox, in models, batches and qgis_process."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from . import settings

ICONS = Path(__file__).parent / "icons"
OUTPUTS = ("gpkg", "fgb", "geojson", "geojsonl", "shp", "parquet")
"""Endings of what geomrcnn writes as a layer."""


class Provider(QgsProcessingProvider):
    """All that geomrcnn does, one algorithm each."""

    def id(self) -> str:
        """The first part of the algorithms' names."""
        return "geomrcnn"

    def name(self) -> str:
        """As people read it."""
        return "geomrcnn"

    def longName(self) -> str:  # noqa: N802
        """In a few words."""
        return self.tr("geomrcnn: objects in imagery as polygons")

    def icon(self) -> QIcon:
        """Of the group in the toolbox."""
        return QIcon(str(ICONS / "icon.svg"))

    def load(self) -> bool:
        """Add the options, then the algorithms."""
        from processing.core.ProcessingConfig import ProcessingConfig, Setting

        ProcessingConfig.settingIcons[self.name()] = self.icon()
        ProcessingConfig.addSetting(
            Setting(
                self.name(),
                settings.INTERPRETER,
                self.tr("Python that has geomrcnn"),
                "",
                valuetype=Setting.FILE,
            )
        )
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Take the options away again."""
        from processing.core.ProcessingConfig import ProcessingConfig

        ProcessingConfig.removeSetting(settings.INTERPRETER)

    def loadAlgorithms(self) -> None:  # noqa: N802
        """One of each."""
        from .algorithms.chips import MakeChips
        from .algorithms.environment import CheckEnvironment
        from .algorithms.evaluate import EvaluatePolygons
        from .algorithms.predict import PredictPolygons
        from .algorithms.train import TrainModel

        for algorithm in (
            PredictPolygons, MakeChips, TrainModel, EvaluatePolygons, CheckEnvironment,
        ):  # fmt: skip
            self.addAlgorithm(algorithm())

    def supportedOutputVectorLayerExtensions(self) -> list[str]:  # noqa: N802
        """What geomrcnn writes."""
        return list(OUTPUTS)

    def defaultVectorFileExtension(self, hasGeometry: bool = True) -> str:  # noqa: N802, N803
        """What it writes best."""
        return OUTPUTS[0]
