"""Make training chips: `geomrcnn chips`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
)

from ..layers import areas, imagery
from .base import Algorithm, Parameters
from .parameters import flag, real, whole


class MakeChips(Algorithm):
    """Cut rasters and labels into tiles to train on."""

    NAME, TITLE, GROUP, ICON = "chips", "Make training chips", "Training", "chips.svg"
    HELP = """
    <p>Cuts raster layers and a layer of polygons into tiles with labels, for <i>Train a model</i>,
    and sets blocks of ground apart for validation and for a last test.</p>
    <p>Name the areas in which the labels are complete: everything else there is taken to be
    background. The review panel writes both layers from polygons that you have accepted and
    rejected.</p>
    """

    def initAlgorithm(self, configuration: Parameters | None = None) -> None:  # noqa: N802
        """Ask for what the command line takes."""
        polygons = [QgsProcessing.TypeVectorPolygon]
        self.add(
            QgsProcessingParameterMultipleLayers(
                "INPUT", self.tr("Raster layers"), QgsProcessing.TypeRaster
            )
        )
        self.add(QgsProcessingParameterFeatureSource("LABELS", self.tr("Labels"), polygons))
        self.add(
            QgsProcessingParameterField(
                "CLASS", self.tr("Attribute that names the class"),
                parentLayerParameterName="LABELS", optional=True,
            ),
            "Its column 'class', or else all labels are of one class, where it is left empty.",
        )  # fmt: skip
        self.add(
            QgsProcessingParameterFeatureSource(
                "AOI", self.tr("Areas in which labels are complete"), polygons, optional=True
            )
        )
        self.add(
            real("GSD", self.tr("Size of a pixel in metres"), None, 0.001),
            "The raster's own, where it is left empty.",
        )
        self.add(whole("TILE", self.tr("Side of a chip in pixels"), 512, 32, 8192))
        self.add_advanced(whole("OVERLAP", self.tr("What neighbours share, in pixels"), 0, 0))
        self.add_advanced(
            real("NEGATIVES", self.tr("Share of chips without objects"), 0.2, 0, 0.99)
        )
        self.add_advanced(whole("SEED", self.tr("Seed"), 0, 0), "Another number, another split.")
        self.add_advanced(flag("OVERWRITE", self.tr("Replace chips that are in the folder")))
        self.add(QgsProcessingParameterFolderDestination("OUTPUT", self.tr("Folder of chips")))

    def checkParameterValues(  # noqa: N802
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """What can be said before anything runs."""
        if self.parameterAsInt(parameters, "OVERLAP", context) >= self.parameterAsInt(
            parameters, "TILE", context
        ):
            return False, self.tr("Chips must share less than their side.")
        for layer in self.parameterAsLayerList(parameters, "INPUT", context):
            if imagery.needs_drawing(layer):
                return False, self.tr(
                    "{layer} comes from a service: save what you need of it as a GeoTIFF first."
                ).format(layer=layer.name())
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Take from the layers what must be taken in the main thread."""
        super().prepareAlgorithm(parameters, context, feedback)
        layers = self.parameterAsLayerList(parameters, "INPUT", context)
        self._rasters = [imagery.gdal_source(layer) for layer in layers]
        return True

    def processAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Parameters:
        """Run `geomrcnn chips`."""
        out = self.parameterAsString(parameters, "OUTPUT", context)
        labels = self.parameterAsSource(parameters, "LABELS", context)
        if labels is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "LABELS"))
        with tempfile.TemporaryDirectory(prefix="geomrcnn-") as folder:
            named = areas.of_source(labels, Path(folder) / "labels.gpkg", context)
            arguments = ["chips", *self._rasters, "--labels", str(named.path), "--out", out]
            complete = self.parameterAsSource(parameters, "AOI", context)
            if complete is not None:
                area = areas.of_source(complete, Path(folder) / "aoi.gpkg", context)
                arguments += ["--aoi", str(area.path)]
            self.run_geomrcnn(arguments + self._options(parameters, context), feedback)
        return {"OUTPUT": out}

    def _options(self, parameters: Parameters, context: QgsProcessingContext) -> list[str]:
        """Options of the command line."""
        options = []
        for name, option in (("TILE", "--tile"), ("OVERLAP", "--overlap"), ("SEED", "--seed")):
            options += [option, str(self.parameterAsInt(parameters, name, context))]
        options += ["--negatives", repr(self.parameterAsDouble(parameters, "NEGATIVES", context))]
        gsd = self.given_number(parameters, "GSD", context)
        if gsd is not None:
            options += ["--gsd", repr(gsd)]
        attribute = self.parameterAsString(parameters, "CLASS", context)
        if attribute:
            options += ["--class-attribute", attribute]
        if self.parameterAsBool(parameters, "OVERWRITE", context):
            options.append("--overwrite")
        return options
