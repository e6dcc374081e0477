"""Train a model: `geomrcnn train`."""

from __future__ import annotations

import shlex
from pathlib import Path

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..models import SHIPPED
from .base import Algorithm, Parameters

STARTS = (*SHIPPED, "imagenet", "none")
PRESETS = ("of the model", "light", "small-objects", "resnet50", "resnet101")


class TrainModel(Algorithm):
    """Train a network on chips."""

    NAME, TITLE, GROUP, ICON = "train", "Train a model", "Training", "train.svg"
    HELP = """
    <p>Trains a Mask R-CNN on a folder of <i>Make training chips</i>. It starts from a shipped
    model or from ImageNet weights, measures itself on the chips set apart for validation, keeps the
    best weights, and ends with a report and a model that <i>Predict polygons</i> takes.</p>
    <p>It takes hours without a GPU. Cancelled, it goes on from its last checkpoint if you choose
    <i>Go on with the run in the folder</i>. The environment needs the training extra.</p>
    """

    def initAlgorithm(self, configuration: Parameters | None = None) -> None:  # noqa: N802
        """Ask for what the command line takes."""
        number, integer = QgsProcessingParameterNumber, QgsProcessingParameterNumber.Type.Integer
        self.add(
            QgsProcessingParameterFile(
                "INPUT", self.tr("Folder of chips"), QgsProcessingParameterFile.Behavior.Folder
            )
        )
        self.add(
            QgsProcessingParameterEnum(
                "INIT", self.tr("Start from"), options=list(STARTS), defaultValue=STARTS[0],
                usesStaticStrings=True,
            )
        )  # fmt: skip
        self.add(
            QgsProcessingParameterFile(
                "INIT_FILE", self.tr("Start from a model of your own instead"), optional=True,
                fileFilter=self.tr("Models (*.zip)"),
            )
        )  # fmt: skip
        self.add(
            QgsProcessingParameterEnum(
                "PRESET", self.tr("Network"), options=list(PRESETS), defaultValue=PRESETS[0],
                usesStaticStrings=True,
            ),
            "small-objects is for small, crowded things.",
        )  # fmt: skip
        self.add(number("STEPS", self.tr("Steps"), integer, 2000, minValue=1))
        self.add_advanced(number("BATCH", self.tr("Tiles a step"), integer, 2, minValue=1))
        self.add_advanced(
            number("TILE", self.tr("Side of a tile in pixels"), integer, 512, minValue=64)
        )
        self.add_advanced(
            number("GSD", self.tr("Size of a pixel in metres"), number.Type.Double, optional=True,
                   minValue=0.001),
            "The middle one of the chips' own, where it is left empty.",
        )  # fmt: skip
        self.add_advanced(
            number("LEARNING_RATE", self.tr("Learning rate"), number.Type.Double, 0.005,
                   minValue=0)
        )  # fmt: skip
        self.add_advanced(
            number("CHECKPOINT_STEPS", self.tr("Steps between checkpoints"), integer, 250,
                   minValue=1)
        )  # fmt: skip
        self.add_advanced(
            QgsProcessingParameterString(
                "OPTIONS", self.tr("Other options of geomrcnn train"), optional=True
            ),
            "For instance --stage heads:500 --stage all:1500@0.1",
        )
        self.add(
            QgsProcessingParameterBoolean(
                "RESUME", self.tr("Go on with the run in the folder"), defaultValue=False
            )
        )
        self.add(QgsProcessingParameterFolderDestination("OUTPUT", self.tr("Folder of the run")))
        self.addOutput(QgsProcessingOutputFile("MODEL", self.tr("Model")))
        self.addOutput(QgsProcessingOutputHtml("REPORT", self.tr("Report")))

    def processAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Parameters:
        """Run `geomrcnn train`."""
        out = self.parameterAsString(parameters, "OUTPUT", context)
        chips = self.parameterAsFile(parameters, "INPUT", context)
        self.run_geomrcnn(
            ["train", chips, "--out", out, *self._options(parameters, context)], feedback
        )
        return {
            "OUTPUT": out,
            "MODEL": str(Path(out) / "model.zip"),
            "REPORT": str(Path(out) / "report.html"),
        }

    def _options(self, parameters: Parameters, context: QgsProcessingContext) -> list[str]:
        """Options of the command line."""
        own = self.parameterAsFile(parameters, "INIT_FILE", context)
        options = ["--init", own or self.parameterAsEnumString(parameters, "INIT", context)]
        preset = self.parameterAsEnumString(parameters, "PRESET", context)
        if preset != PRESETS[0]:
            options += ["--preset", preset]
        for name in ("STEPS", "BATCH", "TILE", "CHECKPOINT_STEPS"):
            option = "--" + name.lower().replace("_", "-")
            options += [option, str(self.parameterAsInt(parameters, name, context))]
        rate = self.parameterAsDouble(parameters, "LEARNING_RATE", context)
        options += ["--learning-rate", repr(rate)]
        if parameters.get("GSD") not in (None, ""):
            options += ["--gsd", repr(self.parameterAsDouble(parameters, "GSD", context))]
        if self.parameterAsBool(parameters, "RESUME", context):
            options.append("--resume")
        return options + shlex.split(self.parameterAsString(parameters, "OPTIONS", context))
