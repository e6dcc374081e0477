"""A look at all rasters before the work begins: do they fit the model, and where do they lie?"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely

from geomrcnn.errors import OutsideError, RasterError
from geomrcnn.formats.provenance import SourceRaster
from geomrcnn.inference.georeference import reproject, to_map, transformer
from geomrcnn.inference.options import Options
from geomrcnn.inference.provenance import raster_identity, source_raster
from geomrcnn.inference.sheets import Sheet
from geomrcnn.inference.survey import Survey, open_survey
from geomrcnn.raster.redaction import redacted
from geomrcnn.runtime import Model

EDGE_POINTS = 16
"""Parts that each side of a raster is divided into: straight in one CRS is curved in another."""


@dataclass(frozen=True)
class Overview:
    """What is known of the rasters of a run.

    Attributes:
        paths: Those that the area of interest touches, in order.
        crs: The common CRS: that of the first; None for a raster without one.
        sheets: Where they lie.
        sources: What the output says of them.
        identities: What changes when they do.
        tiles: How many there are to look at.
    """

    paths: tuple[str, ...]
    crs: Any
    sheets: tuple[Sheet, ...]
    sources: tuple[SourceRaster, ...]
    identities: tuple[object, ...]
    tiles: int


def look_over(paths: Sequence[str], model: Model, options: Options) -> Overview:
    """Open each raster once.

    Raises:
        RasterError, ModelError, DataError: a raster does not fit, or they do not go together.
    """
    crs: Any = None
    kept: list[str] = []
    sheets, sources, identities, tiles = [], [], [], 0
    names = _names(paths)
    for path in paths:
        try:
            with open_survey(path, model, options) as survey:
                crs = crs if kept else survey.source.crs
                sheets.append(_sheet(names[path], survey, crs, len(paths) > 1))
                sources.append(source_raster(survey.source, names[path]))
                identities.append(raster_identity(survey.source))
                tiles += survey.tiles
                kept.append(path)
        except OutsideError:
            if path == paths[-1] and not kept:
                raise
    return Overview(tuple(kept), crs, tuple(sheets), tuple(sources), tuple(identities), tiles)


def _names(paths: Sequence[str]) -> dict[str, str]:
    """What to call each raster: by its file's name, or by its path where that is not enough.

    Names stand in the output for all to read: keys in URLs are hidden.
    """
    shown = {path: redacted(path) for path in paths}
    short = {path: os.path.basename(name.rstrip("/")) or name for path, name in shown.items()}
    count = Counter(short.values())
    return {path: name if count[name] == 1 else shown[path] for path, name in short.items()}


def _sheet(name: str, survey: Survey, crs: Any, together: bool) -> Sheet:
    source = survey.source
    frame = shapely.box(0, 0, source.width, source.height)
    fine = shapely.segmentize(frame, max(source.width, source.height) / EDGE_POINTS)
    (footprint,) = to_map([fine], source.transform)
    if together:
        if source.crs is None or crs is None:
            raise RasterError(
                f"{source.path}: without a CRS it cannot share an output with other rasters; write "
                "one file each: --out '{name}.gpkg'"
            )
        try:
            footprint = reproject(footprint, transformer(source.crs, crs))
        except pyproj.exceptions.ProjError as error:
            raise RasterError(
                f"{source.path}: lies where the CRS of the first raster is not defined; write one "
                "file each: --out '{name}.gpkg'"
            ) from error
    return Sheet(name, footprint, float(np.sqrt(footprint.area / (source.width * source.height))))
