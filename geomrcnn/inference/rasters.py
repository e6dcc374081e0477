"""The rasters of a run, one after the other: one stream of features in one CRS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from geopandas import GeoDataFrame

from geomrcnn.inference.options import Options
from geomrcnn.inference.overview import Overview
from geomrcnn.inference.sheets import SheetJoiner
from geomrcnn.inference.survey import Work, open_survey
from geomrcnn.raster.redaction import redacted
from geomrcnn.runtime import Model


def features_of(
    overview: Overview, model: Model, options: Options, work: Work
) -> Iterator[GeoDataFrame]:
    """The features of all rasters, in the common CRS; what several of them show is one feature.

    Args:
        overview: The rasters.
        model: What they are shown to.
        options: How.
        work: Who looks; the numbers of the rasters in the journal are their places in `overview`.

    Yields:
        See `Survey.features`.

    Raises:
        RasterError, OutputError: saying in one line what is wrong.
    """
    report = work.report
    report.tiles = overview.tiles
    if overview.crs is None:
        shown = redacted(overview.paths[0])
        report.warnings.append(f"{shown}: has no CRS; coordinates are its pixels")
    work.tell(report.progress)
    several = len(overview.paths) > 1
    joiner = SheetJoiner(overview.sheets, overview.crs, options.agreement)
    for number, path in enumerate(overview.paths):
        with open_survey(path, model, options) as survey:
            for features in survey.features(replace(work, layer=number)):
                if several:
                    features = joiner.add(number, features.to_crs(overview.crs))
                report.objects += len(features)
                yield features
        if several and (joined := joiner.finish(number)) is not None:
            report.objects += len(joined)
            yield joined
