"""What a run's findings depend on: to tell runs apart, and to be told in the output."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from geomrcnn import __version__
from geomrcnn.formats.provenance import Provenance, SourceRaster
from geomrcnn.inference.options import Options
from geomrcnn.raster.redaction import redacted
from geomrcnn.raster.source import RasterSource
from geomrcnn.runtime import Model


def identity(rasters: Sequence[object], model: Model, options: Options) -> dict[str, object]:
    """What must be the same for findings to be used again, by name.

    Args:
        rasters: The identity of each; see `raster_identity`.
        model: Who looks.
        options: How.
    """
    return {
        "geomrcnn": __version__,
        "model": [model.card.to_dict(), model.digest],
        "runtime or precision": model.description,
        "raster": list(rasters),
        "options": {**_plain(options), "aoi": _file(options.aoi)},
    }


def provenance(rasters: Sequence[SourceRaster], model: Model, options: Options) -> Provenance:
    """What the output says of how it was made."""
    usual = _plain(Options())
    return Provenance(
        model=model.card.name,
        model_version=model.digest,
        classes=model.card.classes,
        rasters=tuple(rasters),
        geomrcnn=__version__,
        runtime=model.description,
        options={key: to for key, to in _plain(options).items() if to != usual[key]},
    )


def source_raster(source: RasterSource, name: str) -> SourceRaster:
    """What the output says of a raster."""
    width, height = source.native_size
    a, b, c, d, e, f = tuple(source.native_transform)[:6]
    return SourceRaster(
        name=name,
        width=width,
        height=height,
        crs=None if source.crs is None else source.crs.to_wkt(),
        transform=(a, b, c, d, e, f),
    )


def raster_identity(source: RasterSource) -> list[object]:
    """A raster and the files it is made of, as far as they are files here."""
    shape = [source.width, source.height, list(source.bands), source.dtype]
    return [*shape, list(source.transform), [_file(path) for path in source.files]]


def _plain(options: Options) -> dict[str, Any]:
    """Options as JSON values."""
    values = dataclasses.asdict(options)
    return {**values, "aoi": None if options.aoi is None else os.fspath(options.aoi)}


def _file(path: str | os.PathLike[str] | None) -> list[object] | None:
    """A file's place, size and time of change; of what is not here the name, without keys."""
    if path is None:
        return None
    path = os.path.realpath(path) if os.path.exists(path) else os.fspath(path)
    if not os.path.isfile(path):
        return [redacted(path)]
    state = os.stat(path)
    return [path, state.st_size, state.st_mtime_ns]
