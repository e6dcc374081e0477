"""Evaluate polygons: `geomrcnn evaluate`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
)

from ..layers import areas
from .base import Algorithm, Parameters
from .parameters import real

FIGURES = ("precision", "recall", "f1", "mean_iou")


class EvaluatePolygons(Algorithm):
    """Compare polygons that were found with those that are true."""

    NAME, TITLE, GROUP, ICON = "evaluate", "Evaluate polygons", "Evaluation", "evaluate.svg"
    HELP = """
    <p>Compares a layer of polygons that were found with a layer of those that are true, one by one,
    and writes precision, recall, mean overlap and the curves by score as a report.</p>
    <p>Where both have a column <i>class</i>, only objects of one class match. Name the areas in
    which the truth is complete if it is not complete everywhere. The environment needs the training
    extra for the report's charts.</p>
    """

    def initAlgorithm(self, configuration: Parameters | None = None) -> None:  # noqa: N802
        """Ask for what the command line takes."""
        polygons = [QgsProcessing.TypeVectorPolygon]
        source = QgsProcessingParameterFeatureSource
        self.add(source("INPUT", self.tr("Polygons that were found"), polygons))
        self.add(source("TRUTH", self.tr("True polygons"), polygons))
        self.add(
            source("AOI", self.tr("Areas in which the truth is complete"), polygons, optional=True)
        )
        self.add(real("MIN_SCORE", self.tr("Least score"), None, 0, 1))
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT", self.tr("Report"), self.tr("HTML files (*.html)")
            )
        )
        for name in FIGURES:
            self.addOutput(QgsProcessingOutputNumber(name.upper(), name.replace("_", " ")))

    def processAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Parameters:
        """Run `geomrcnn evaluate`."""
        out = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        with tempfile.TemporaryDirectory(prefix="geomrcnn-") as folder:
            files = {}
            for name in ("INPUT", "TRUTH", "AOI"):
                source = self.parameterAsSource(parameters, name, context)
                if source is not None:
                    path = Path(folder) / f"{name.lower()}.gpkg"
                    files[name] = str(areas.of_source(source, path, context).path)
                elif name != "AOI":
                    raise QgsProcessingException(self.invalidSourceError(parameters, name))
            arguments = ["evaluate", "--pred", files["INPUT"], "--truth", files["TRUTH"]]
            if "AOI" in files:
                arguments += ["--aoi", files["AOI"]]
            least = self.given_number(parameters, "MIN_SCORE", context)
            if least is not None:
                arguments += ["--min-score", repr(least)]
            done = self.run_geomrcnn([*arguments, "--report", out, "--overwrite"], feedback)
        for name in FIGURES:
            feedback.pushInfo(f"{name.replace('_', ' ')}: {done.get(name)}")
        return {"OUTPUT": out, **{name.upper(): done.get(name) for name in FIGURES}}
