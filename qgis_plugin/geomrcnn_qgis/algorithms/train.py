"""Train a model: `geomrcnn train`."""

from __future__ import annotations

import shlex
from pathlib import Path

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
)

from ..models import SHIPPED
from .base import Algorithm, Parameters
from .parameters import choice, flag, model_file, real, whole

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
        self.add(
            QgsProcessingParameterFile(
                "INPUT", self.tr("Folder of chips"), QgsProcessingParameterFile.Behavior.Folder
            )
        )
        self.add(choice("INIT", self.tr("Start from"), STARTS))
        self.add(model_file("INIT_FILE", self.tr("Start from a model of your own instead")))
        self.add(
            choice("PRESET", self.tr("Network"), PRESETS),
            "small-objects is for small, crowded things.",
        )
        self.add(whole("STEPS", self.tr("Steps"), 2000, 1))
        self.add_advanced(whole("BATCH", self.tr("Tiles a step"), 2, 1))
        self.add_advanced(whole("TILE", self.tr("Side of a tile in pixels"), 512, 64))
        self.add_advanced(
            real("GSD", self.tr("Size of a pixel in metres"), None, 0.001),
            "The middle one of the chips' own, where it is left empty.",
        )
        self.add_advanced(real("LEARNING_RATE", self.tr("Learning rate"), 0.005, 0))
        self.add_advanced(whole("CHECKPOINT_STEPS", self.tr("Steps between checkpoints"), 250, 1))
        self.add_advanced(
            QgsProcessingParameterString(
                "OPTIONS", self.tr("Other options of geomrcnn train"), optional=True
            ),
            "For instance --stage heads:500 --stage all:1500@0.1",
        )
        self.add(flag("RESUME", self.tr("Go on with the run in the folder")))
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
        gsd = self.given_number(parameters, "GSD", context)
        if gsd is not None:
            options += ["--gsd", repr(gsd)]
        if self.parameterAsBool(parameters, "RESUME", context):
            options.append("--resume")
        return options + shlex.split(self.parameterAsString(parameters, "OPTIONS", context))
