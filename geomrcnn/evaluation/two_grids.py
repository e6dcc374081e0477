"""Two runs over one raster, the second with its tiles midway between those of the first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import shapely

from geomrcnn.data.labels import read_labels
from geomrcnn.data.layers import PolygonLayer
from geomrcnn.errors import DataError
from geomrcnn.evaluation.seams import Objects, Run, SeamScores, seam_scores
from geomrcnn.inference.looking import look
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.survey import Survey, Work, ignore, open_survey
from geomrcnn.raster.source import RasterSource
from geomrcnn.runtime import Detector
from geomrcnn.vector.polygons import polygonal

AnyPath = str | os.PathLike[str]


def measure_seams(
    raster: AnyPath,
    detector: Detector,
    options: Options,
    *,
    truth: AnyPath | None = None,
    attribute: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> SeamScores:
    """Measure what tiling costs on a raster, by looking at it twice.

    Args:
        raster: Anything GDAL opens.
        detector: The model.
        options: How to look. What cannot be read is an error, whatever they say.
        truth: Layer of what there is to be found, in any CRS.
        attribute: Its column that names the class; see `read_labels`.
        on_progress: Called before the first tile and after each, of both runs together.

    Raises:
        RasterError, ModelError, DataError: saying in one line what is wrong.
    """
    labels = None
    if truth is not None:
        labels = read_labels(truth, attribute=attribute, classes=detector.card.classes)
    usual = replace(options, strict=True, halfway=False)
    both = (usual, replace(usual, halfway=True))
    with (
        open_survey(raster, detector, both[0]) as one,
        open_survey(raster, detector, both[1]) as two,
    ):
        report = Report(tiles=one.tiles + two.tiles)
        work = Work(partial(look, detector), report, on_progress or ignore)
        work.tell(report.progress)
        first, second = (Run(_found(survey, work), survey.grid) for survey in (one, two))
        known = None
        if labels is not None:
            names = np.array(labels.classes)[labels.class_ids - 1]
            known = _objects(labels, names, np.ones(len(names)), one.source)
            if not len(known.outlines):
                raise DataError(f"{labels.path}: none of its polygons lies on {one.source.path}")
        return seam_scores(first, second, known, None if one.area is None else one.area.area)


def _found(survey: Survey, work: Work) -> Objects:
    """What there is in a raster, in its pixels."""
    frame = pd.concat(survey.features(work), ignore_index=True)
    layer = PolygonLayer(survey.source.path, frame.crs, np.asarray(frame.geometry.values, object))
    classes, scores = frame["class"].to_numpy(np.str_), frame["score"].to_numpy(np.float64)
    return _objects(layer, classes, scores, survey.source)


def _objects(
    layer: PolygonLayer, classes: np.ndarray, scores: np.ndarray, source: RasterSource
) -> Objects:
    """A layer's polygons as far as they lie on a raster, in its pixels."""
    placed = layer.on(source)
    frame = shapely.box(0, 0, source.width, source.height)
    clipped = [polygonal(outline) for outline in shapely.intersection(placed.geometries, frame)]
    outlines = np.array(clipped, dtype=object)
    there = ~shapely.is_empty(outlines)
    rows = placed.numbers[there]
    return Objects(outlines[there], classes[rows], scores[rows])
