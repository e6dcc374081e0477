"""Predict polygons: `geomrcnn predict`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..layers import areas, imagery
from ..layers.styling import STYLES, Dressing
from ..models import SHIPPED, gsd_of
from ..provider import OUTPUTS
from .base import Algorithm, Parameters
from .parameters import choice, flag, model_file, real

SHAPES = ("as seen", "right-angles", "right-angles-45", "any-angle", "circle", "rectangle", "wedge")
PARTS = ("keep", "split", "largest")
SCALES = ("refuse", "minmax", "percentile", "statistics", "as-trained")
PRECISIONS = ("auto", "fp32", "int8")

NUMBERS = {
    "MIN_SCORE": "--min-score", "MIN_AREA": "--min-area", "MAX_AREA": "--max-area",
    "FILL_HOLES": "--fill-holes", "SIMPLIFY": "--simplify", "SHARE_EDGES": "--share-edges",
    "GSD": "--gsd",
}  # fmt: skip
"""Options that are a number, by parameter."""


class PredictPolygons(Algorithm):
    """Find the objects in a raster and write their outlines."""

    NAME, TITLE, GROUP, ICON = "predict", "Predict polygons", "Prediction", "predict.svg"
    HELP = """
    <p>Finds the objects in a raster layer with a trained Mask R-CNN and writes their outlines as
    polygons, each with a class, a score and its area on the ground.</p>
    <p>The raster may be of any size, and the layer may be a file, a virtual raster, a GeoPackage
    raster or an URL that GDAL opens. Layers of web services (XYZ, WMS, WMTS) are drawn at the
    model's pixel size first: choose an extent or areas then.</p>
    <p>If it is cancelled, or QGIS is closed, what was found is kept beside the output; the same run
    goes on from there.</p>
    """

    def initAlgorithm(self, configuration: Parameters | None = None) -> None:  # noqa: N802
        """Ask for what the command line takes."""
        self.add(QgsProcessingParameterRasterLayer("INPUT", self.tr("Raster layer")))
        self.add(
            choice("MODEL", self.tr("Model"), SHIPPED),
            "fields: crop fields and pasture, seen at 2 m. buildings: roofs, seen at 0.25 m.",
        )
        self.add(
            model_file("MODEL_FILE", self.tr("A model of your own instead")),
            "The model.zip that training has made.",
        )
        self.add(
            QgsProcessingParameterExtent("EXTENT", self.tr("Only in this extent"), optional=True)
        )
        polygons = QgsProcessing.TypeVectorPolygon
        areas_title = self.tr("Only in these areas")
        self.add(QgsProcessingParameterFeatureSource("AOI", areas_title, [polygons], optional=True))
        self.add(
            real("MIN_SCORE", self.tr("Least score"), None, 0, 1),
            "The model's own, where it is left empty.",
        )
        self.add(real("MIN_AREA", self.tr("Least area in square metres"), None, 0))
        self.add(
            choice("SHAPE", self.tr("Shape of the outlines"), SHAPES),
            "An outline that does not nearly have the shape is kept as seen.",
        )
        self._add_what_few_need()
        self.add(choice("STYLE", self.tr("Colours"), STYLES))
        self.add(flag("LABELS", self.tr("Labels")))
        self.add(QgsProcessingParameterVectorDestination("OUTPUT", self.tr("Polygons"), polygons))
        self.addOutput(QgsProcessingOutputNumber("OBJECTS", self.tr("Number of objects")))

    def _add_what_few_need(self) -> None:
        self.add_advanced(real("MAX_AREA", self.tr("Greatest area in square metres"), None, 0))
        self.add_advanced(
            real("FILL_HOLES", self.tr("Fill holes up to, in square metres"), None, 0)
        )
        self.add_advanced(choice("PARTS", self.tr("Objects in several parts"), PARTS))
        self.add_advanced(
            real("SIMPLIFY", self.tr("Outlines may move by, in metres"), None, 0),
            "A quarter of a pixel, where it is left empty.",
        )
        together = self.tr("Neighbours closer than this share an edge, in metres")
        self.add_advanced(real("SHARE_EDGES", together, None, 0))
        self.add_advanced(
            real("GSD", self.tr("Look at pixels of, in metres"), None, 0.001),
            "The model's own, where it is left empty.",
        )
        self.add_advanced(
            QgsProcessingParameterString("BANDS", self.tr("Bands"), optional=True),
            "Numbers or names in the model's order, such as 3,2,1. By the names of the bands, "
            "where it is left empty.",
        )
        self.add_advanced(choice("SCALE", self.tr("Values that the model does not know"), SCALES))
        self.add_advanced(choice("PRECISION", self.tr("Precision"), PRECISIONS))
        self.add_advanced(
            flag("COARSE", self.tr("Look again from afar, for objects larger than a tile"))
        )

    def checkParameterValues(  # noqa: N802
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """What can be said before anything runs."""
        given = self._numbers(parameters, context)
        if given.get("MIN_AREA", 0) > given.get("MAX_AREA", float("inf")):
            return False, self.tr("The least area is more than the greatest.")
        has_extent = not self.parameterAsExtent(parameters, "EXTENT", context).isEmpty()
        has_areas = parameters.get("AOI") not in (None, "")
        if has_extent and has_areas:
            return False, self.tr("Choose an extent or areas, not both.")
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        drawn = layer is not None and layer.isValid() and imagery.needs_drawing(layer)
        if drawn and not (has_extent or has_areas):
            return False, self.tr(
                "This layer comes from a service: choose an extent or areas to look at."
            )
        shape = self.parameterAsEnumString(parameters, "SHAPE", context)
        if "SHARE_EDGES" in given and shape != SHAPES[0]:
            return False, self.tr("Shapes and shared edges contradict each other: choose one.")
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Take from the layers what must be taken in the main thread."""
        super().prepareAlgorithm(parameters, context, feedback)
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._imagery = imagery.of_layer(layer)
        return True

    def processAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Parameters:
        """Run `geomrcnn predict`."""
        out = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        if Path(out).suffix.lower().lstrip(".") not in OUTPUTS:
            endings = ", ".join(f".{ending}" for ending in OUTPUTS)
            raise QgsProcessingException(
                self.tr("{out}: choose a file of its own that ends in {endings}").format(
                    out=out, endings=endings
                )
            )
        model = self.parameterAsFile(
            parameters, "MODEL_FILE", context
        ) or self.parameterAsEnumString(parameters, "MODEL", context)
        with tempfile.TemporaryDirectory(prefix="geomrcnn-") as folder:
            area = self._area(parameters, context, Path(folder))
            raster = self._imagery.source
            if raster is None:
                gsd = self._numbers(parameters, context).get("GSD") or gsd_of(model, self._python)
                raster = imagery.draw(
                    self._imagery, area, gsd, Path(folder) / "drawn.tif", context, feedback
                )
            within = [] if area is None else ["--aoi", str(area.path)]
            done = self.run_geomrcnn(
                ["predict", raster, "--out", out, "--overwrite", "--model", model, *within,
                 *self._options(parameters, context)],
                feedback,
            )  # fmt: skip
        self._dress(parameters, out, context)
        return {"OUTPUT": out, "OBJECTS": done.get("objects")}

    def _area(
        self, parameters: Parameters, context: QgsProcessingContext, folder: Path
    ) -> areas.Area | None:
        """Where to look, as a file; None for everywhere."""
        path = folder / "area.gpkg"
        source = self.parameterAsSource(parameters, "AOI", context)
        if source is not None:
            return areas.of_source(source, path, context)
        extent = self.parameterAsExtent(parameters, "EXTENT", context)
        if extent.isEmpty():
            return None
        crs = self.parameterAsExtentCrs(parameters, "EXTENT", context)
        return areas.of_extent(extent, crs, path, context)

    def _numbers(self, parameters: Parameters, context: QgsProcessingContext) -> dict[str, float]:
        """Numbers that were given."""
        numbers = {name: self.given_number(parameters, name, context) for name in NUMBERS}
        return {name: number for name, number in numbers.items() if number is not None}

    def _options(self, parameters: Parameters, context: QgsProcessingContext) -> list[str]:
        """Options of the command line."""
        numbers = self._numbers(parameters, context)
        options = [
            word for name, number in numbers.items() for word in (NUMBERS[name], f"{number!r}")
        ]
        for name, option, usual in (
            ("SHAPE", "--shape", SHAPES[0]),
            ("PARTS", "--parts", PARTS[0]),
            ("SCALE", "--scale", SCALES[0]),
            ("PRECISION", "--precision", PRECISIONS[0]),
        ):
            chosen = self.parameterAsEnumString(parameters, name, context)
            if chosen != usual:
                options += [option, chosen]
        bands = self.parameterAsString(parameters, "BANDS", context).replace(" ", "")
        if bands:
            options += ["--bands", bands]
        if self.parameterAsBool(parameters, "COARSE", context):
            options.append("--coarse")
        return options

    def _dress(self, parameters: Parameters, out: str, context: QgsProcessingContext) -> None:
        """Have the layer styled, if it is to be loaded."""
        if context.willLoadLayerOnCompletion(out):
            style = self.parameterAsEnumString(parameters, "STYLE", context)
            dressing = Dressing(style, self.parameterAsBool(parameters, "LABELS", context))
            context.layerToLoadOnCompletionDetails(out).setPostProcessor(dressing)
