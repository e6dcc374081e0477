"""From a raster to features: as a table, or as a file that appears when it is complete."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from geopandas import GeoDataFrame

from geomrcnn.formats.writer import check_output, write_features
from geomrcnn.inference.journal import Journal, journal_of
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.provenance import identity, provenance
from geomrcnn.inference.survey import open_survey
from geomrcnn.runtime import Detector, load_detector


def predict(
    raster: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | Detector = "fields",
    out: str | os.PathLike[str] | None = None,
    runtime: str = "auto",
    overwrite: bool = False,
    restart: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> GeoDataFrame:
    """Find the objects in a raster.

    Args:
        raster: Anything GDAL opens.
        model: Name of a shipped model, path of a bundle, or a detector.
        out: File to write as well, in the format its suffix names; see `predict_to_file`.
        runtime: "auto", "openvino" or "tensorflow".
        overwrite: Whether `out` may replace a file.
        restart: Whether to begin anew where a run for the same `out` was broken off.
        on_progress: Called before the first tile and after each.
        options: See `Options`: min_score=0.5, gsd=1.0 ...

    Returns:
        One row an object: class, score, area_m2, fragments, status, tile ("row-column" of the
        tile that saw it best), and geometry in the raster's CRS. Objects come in the order in
        which rows of tiles complete them, those of one row by their tile.

    Raises:
        RasterError, ModelError, DataError, OutputError: saying in one line what is wrong.
    """
    chosen = Options(**options)
    if out is not None:
        check_output(out, overwrite)
    if isinstance(model, (str, os.PathLike)):
        model = load_detector(model, runtime=runtime, tile=chosen.tile)
    frames: list[GeoDataFrame] = []
    if out is None:
        with open_survey(raster, model, chosen) as survey:
            frames += survey.features(Report(), on_progress)
    else:
        predict_to_file(raster, out, model, chosen, overwrite=overwrite, restart=restart,
                        on_progress=on_progress, on_features=frames.append)  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def predict_to_file(
    raster: str | os.PathLike[str],
    out: str | os.PathLike[str],
    detector: Detector,
    options: Options,
    *,
    overwrite: bool = False,
    restart: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    on_features: Callable[[GeoDataFrame], None] | None = None,
) -> Report:
    """Find the objects in a raster and write them to a file, however many they are.

    What has been found lies in a journal beside `out` until that is complete. If the run is
    broken off, the same call goes on from there and ends with the same features.

    Args:
        raster: Anything GDAL opens.
        out: File to write, in the format its suffix names.
        detector: The model.
        options: How to look.
        overwrite: Whether `out` may replace a file.
        restart: Whether to begin anew where a run for the same `out` was broken off.
        on_progress: Called before the first tile and after each.
        on_features: Called with the features of each row of tiles.

    Raises:
        RasterError, ModelError, DataError, OutputError: saying in one line what is wrong.
    """
    began = time.perf_counter()
    check_output(out, overwrite)
    report = Report(device=detector.description)
    with open_survey(raster, detector, options) as survey:
        run = identity(survey)
        with Journal(journal_of(out), run, restart=restart) as journal:
            features = survey.features(report, on_progress, journal)
            write_features(
                _told(features, on_features),
                out,
                crs=survey.source.crs,
                overwrite=overwrite,
                provenance=provenance(survey),
            )
            journal.finish()
    report.seconds = time.perf_counter() - began
    return report


def _told(
    features: Iterator[GeoDataFrame], on_features: Callable[[GeoDataFrame], None] | None
) -> Iterator[GeoDataFrame]:
    """Pass features on, and tell of them."""
    for frame in features:
        if on_features is not None:
            on_features(frame)
        yield frame
