"""From rasters to features: as a table, or as a file that appears when it is complete."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from geopandas import GeoDataFrame

from geomrcnn.errors import OutputError
from geomrcnn.formats.writer import check_output, write_features
from geomrcnn.inference.crew import Crew
from geomrcnn.inference.inputs import expand
from geomrcnn.inference.journal import Journal, journal_of
from geomrcnn.inference.looking import look
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.overview import look_over
from geomrcnn.inference.provenance import identity, provenance
from geomrcnn.inference.rasters import features_of
from geomrcnn.inference.survey import Work, ignore
from geomrcnn.runtime import Detector, load_detector

NAME = "{name}"

Rasters: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def predict(
    raster: Rasters,
    *,
    model: str | os.PathLike[str] | Detector = "fields",
    out: str | os.PathLike[str] | None = None,
    runtime: str = "auto",
    precision: str = "auto",
    overwrite: bool = False,
    restart: bool = False,
    crew: Crew | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> GeoDataFrame:
    """Find the objects in a raster.

    Args:
        raster: Anything GDAL opens, or several; folders, patterns, lists and STAC items stand for
            the rasters in them.
        model: Name of a shipped model, path of a bundle, or a detector.
        out: File to write as well, in the format its suffix names; see `predict_to_file`.
        runtime: "auto", "openvino" or "tensorflow".
        precision: "auto", "fp32" or "int8"; see `load_detector`.
        overwrite: Whether `out` may replace a file.
        restart: Whether to begin anew where a run for the same `out` was broken off.
        crew: Other processes to look, which must have the same model; None looks in this one.
        on_progress: Called before the first tile and after each.
        options: See `Options`: min_score=0.5, gsd=1.0 ...

    Returns:
        One row an object: class, score, area_m2, fragments, status, tile ("row-column" of the
        tile that saw it best), and geometry in the raster's CRS. Objects come in the order in
        which rows of tiles complete them, those of one row by their tile. With several rasters,
        there is a column raster, all is in the CRS of the first, and what two rasters saw of
        one object is one feature.

    Raises:
        RasterError, ModelError, DataError, OutputError: saying in one line what is wrong.
    """
    chosen = Options(**options)
    if out is not None:
        check_output(out, overwrite)
    if isinstance(model, (str, os.PathLike)):
        model = load_detector(model, runtime=runtime, precision=precision, tile=chosen.tile)
    frames: list[GeoDataFrame] = []
    if out is None:
        overview = look_over(expand(_several(raster)), model, chosen)
        work = work_of(model, crew, on_progress)
        frames += features_of(overview, model, chosen, work)
    else:
        predict_to_file(raster, out, model, chosen, overwrite=overwrite, restart=restart,
                        crew=crew, on_progress=on_progress,
                        on_features=frames.append)  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def predict_to_file(
    raster: Rasters,
    out: str | os.PathLike[str],
    detector: Detector,
    options: Options,
    *,
    overwrite: bool = False,
    restart: bool = False,
    crew: Crew | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_features: Callable[[GeoDataFrame], None] | None = None,
) -> Report:
    """Find the objects in a raster and write them to a file, however many they are.

    What has been found lies in a journal beside `out` until that is complete. If the run is
    broken off, the same call goes on from there and ends with the same features.

    Args:
        raster: Anything GDAL opens, or several; folders, patterns, lists and STAC items stand for
            the rasters in them.
        out: File to write, in the format its suffix names.
        detector: The model.
        options: How to look.
        overwrite: Whether `out` may replace a file.
        restart: Whether to begin anew where a run for the same `out` was broken off.
        crew: Other processes to look, which must have the same model; None looks in this one.
        on_progress: Called before the first tile and after each.
        on_features: Called with the features of each row of tiles.

    Raises:
        RasterError, ModelError, DataError, OutputError: saying in one line what is wrong.
    """
    began = time.perf_counter()
    check_output(out, overwrite)
    work = work_of(detector, crew, on_progress)
    report = work.report
    overview = look_over(expand(_several(raster)), detector, options)
    run = identity(overview.identities, detector, options)
    with Journal(journal_of(out), run, restart=restart) as journal:
        work = replace(work, known=journal, note=journal.note)
        features = features_of(overview, detector, options, work)
        write_features(
            _told(features, on_features),
            out,
            crs=overview.crs,
            overwrite=overwrite,
            provenance=provenance(overview.sources, detector, options),
        )
        journal.finish()
    report.seconds = time.perf_counter() - began
    return report


def predict_each(
    raster: Rasters,
    out: str,
    detector: Detector,
    options: Options,
    *,
    overwrite: bool = False,
    restart: bool = False,
    crew: Crew | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Report]:
    """Find the objects in rasters and write a file for each.

    Files that are there are passed over, unless they shall be replaced: so the same call goes on
    where it was broken off.

    Args:
        raster: See `predict`.
        out: The files, with `NAME` in the place of a raster's name without its ending.
        detector: See `predict_to_file`, as for all that follow.

    Returns:
        What became of the tiles, by the file that was written.

    Raises:
        OutputError: two rasters would have the same file, or all files are there.
        RasterError, ModelError, DataError, OutputError: see `predict_to_file`.
    """
    paths = expand(_several(raster))
    outs = [out.replace(NAME, Path(path).stem) for path in paths]
    if twice := [one for one, count in Counter(outs).items() if count > 1]:
        raise OutputError(f"{twice[0]}: several rasters have that name; write one output for all")
    todo = [
        (path, one)
        for path, one in zip(paths, outs, strict=True)
        if overwrite or not Path(one).exists()
    ]
    if not todo:
        raise OutputError(f"{out}: all {len(outs)} exist already; say --overwrite to replace them")
    for _, one in todo:
        check_output(one, overwrite)
    return {
        one: predict_to_file(path, one, detector, options, overwrite=overwrite, restart=restart,
                             crew=crew, on_progress=on_progress)
        for path, one in todo
    }  # fmt: skip


def work_of(
    detector: Detector, crew: Crew | None, on_progress: Callable[[Progress], None] | None
) -> Work:
    """Who looks: a detector here, or the processes of a crew that have the same."""
    device = detector.description if crew is None else f"{detector.description}, {crew.size}"
    looks = partial(look, detector) if crew is None else crew.look
    return Work(looks, Report(device=device), on_progress or ignore)


def _several(raster: Rasters) -> Sequence[str | os.PathLike[str]]:
    return [raster] if isinstance(raster, (str, os.PathLike)) else list(raster)


def _told(
    features: Iterator[GeoDataFrame], on_features: Callable[[GeoDataFrame], None] | None
) -> Iterator[GeoDataFrame]:
    """Pass features on, and tell of them."""
    for frame in features:
        if on_features is not None:
            on_features(frame)
        yield frame
