"""A small prediction whose right answer is known, to be led astray."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from geopandas import GeoDataFrame

from geomrcnn.errors import GeomrcnnError
from geomrcnn.inference.options import Options, Progress
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.runtime import Detector
from tests.labelled import on_map, squares
from tests.oracles.detector import OracleDetector
from tests.rasters import write_raster

WIDTH, HEIGHT = 120, 96
"""Of the raster, in pixels of 2 m."""
OBJECTS = squares(4, 5, 24, 14)
"""In pixels: a grid of squares, 10 apart."""
BY_GDAL = ".gfs"
"""Of what GDAL writes beside GML that it reads."""
TILING = {"gsd": 2.0, "tile": 64, "overlap": 16}


def write_scene(path: Path) -> Path:
    """The raster, in UTM."""
    return write_raster(path, np.ones((3, HEIGHT, WIDTH), np.uint8))


def oracle() -> OracleDetector:
    """A detector that knows the objects."""
    return OracleDetector(OBJECTS, **TILING)


def predicted(
    rasters: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    folder: Path,
    detector: Detector,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> GeoDataFrame:
    """Predict to a file, and read that.

    Raises:
        GeomrcnnError: as it came. It has been seen that there is no output, not even in part; the
            journal of a run that was broken off may be there.
    """
    out, before = folder / "out.gpkg", set(folder.iterdir())
    journal = folder / "out.gpkg.journal"
    try:
        predict_to_file(rasters, out, detector, Options(**options), on_progress=on_progress)
    except GeomrcnnError:
        left = {path for path in set(folder.iterdir()) - before if path.suffix != BY_GDAL}
        left.discard(journal)
        assert not left, f"left behind: {left}"
        raise
    new = {path for path in set(folder.iterdir()) - before if path.suffix != BY_GDAL}
    assert new == {out, folder / "out.qml"}, new
    assert not journal.exists()
    found = geopandas.read_file(out)
    assert found.geometry.is_valid.all()
    assert not found.geometry.is_empty.any()
    return found


def true_places(found: GeoDataFrame) -> set[int]:
    """Which of `OBJECTS` were found: each once, in its place, with its size."""
    truth = np.array([on_map(shape) for shape in OBJECTS])
    inside = shapely.intersects(truth[:, None], found.geometry.to_numpy()[None].reshape(1, -1))
    assert (inside.sum(axis=0) == 1).all(), "features that are no object, or several"
    assert (inside.sum(axis=1) <= 1).all(), "objects found more than once"
    return {int(number) for number in np.flatnonzero(inside.any(axis=1))}
