"""What a run's findings depend on: to tell runs apart, and to be told in the output."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from geomrcnn import __version__
from geomrcnn.formats.provenance import Provenance, SourceRaster
from geomrcnn.inference.options import Options
from geomrcnn.inference.survey import Survey
from geomrcnn.raster.source import RasterSource


def identity(survey: Survey) -> dict[str, object]:
    """What must be the same for findings to be used again, by name."""
    detector = survey.detector
    return {
        "geomrcnn": __version__,
        "model": [detector.card.to_dict(), detector.digest, detector.description],
        "raster": _raster(survey.source),
        "options": {**_plain(survey.options), "aoi": _file(survey.options.aoi)},
    }


def provenance(survey: Survey) -> Provenance:
    """What the output says of how it was made."""
    source, card = survey.source, survey.detector.card
    width, height = source.native_size
    a, b, c, d, e, f = tuple(source.native_transform)[:6]
    raster = SourceRaster(
        name=os.path.basename(source.path),
        width=width,
        height=height,
        crs=None if source.crs is None else source.crs.to_wkt(),
        transform=(a, b, c, d, e, f),
    )
    usual = _plain(Options())
    chosen = {key: to for key, to in _plain(survey.options).items() if to != usual[key]}
    return Provenance(
        model=card.name,
        model_version=survey.detector.digest,
        classes=card.classes,
        rasters=(raster,),
        geomrcnn=__version__,
        options=chosen,
    )


def _plain(options: Options) -> dict[str, Any]:
    """Options as JSON values."""
    values = dataclasses.asdict(options)
    return {**values, "aoi": None if options.aoi is None else os.fspath(options.aoi)}


def _raster(source: RasterSource) -> list[object]:
    """A raster and the files it is made of, as far as they are files here."""
    shape = [source.width, source.height, list(source.bands), source.dtype]
    return [*shape, list(source.transform), [_file(path) for path in source.files]]


def _file(path: str | os.PathLike[str] | None) -> list[object] | None:
    """A file's place, size and time of change; the name alone of what is not here."""
    if path is None:
        return None
    path = os.path.realpath(path) if os.path.exists(path) else os.fspath(path)
    if not os.path.isfile(path):
        return [path]
    state = os.stat(path)
    return [path, state.st_size, state.st_mtime_ns]
