"""Features for tests of formats, and what made them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
from geopandas import GeoDataFrame
from shapely import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from geomrcnn.formats.provenance import Provenance, SourceRaster

UTM = "EPSG:32632"
X, Y = 500_000.0, 5_000_000.0
"""Of the raster's upper left corner; it has pixels of 2 m."""


def features(crs: str | None = UTM, geometry: list[BaseGeometry] | None = None) -> GeoDataFrame:
    """A parcel, one with a hole, and one in two parts; the second lacks a score."""
    if geometry is None:
        hole = [(X + 40, Y - 20), (X + 60, Y - 20), (X + 60, Y - 10)]
        geometry = [
            box(X, Y - 30, X + 20, Y),
            Polygon(box(X + 30, Y - 30, X + 70, Y).exterior, [hole]),
            MultiPolygon([box(X, Y - 60, X + 8, Y - 50), box(X + 12, Y - 60, X + 20, Y - 50)]),
        ]
    return GeoDataFrame(
        {
            "class": ["field", "prairie sèche", None],
            "score": [0.9, None, 0.625],
            "area_m2": [600.0, 1100.0, 160.0],
            "fragments": [1, 3, 2],
            "status": ["traced", "regularised", None],
            "tile": ["0-0", "0-1", "1-0"],
        },
        geometry=geometry,
        crs=crs,
    )


def provenance(classes: tuple[str, ...] = ("field", "prairie sèche")) -> Provenance:
    """Of `features`."""
    raster = SourceRaster("ortho.tif", 200, 100, UTM, (2.0, 0.0, X, 0.0, -2.0, Y))
    return Provenance(
        model="fields",
        model_version="sha256:0f3a",
        classes=classes,
        rasters=(raster,),
        geomrcnn="0.1.0",
        options={"min_score": 0.4, "bands": [1, 2, 3], "aoi": None},
        date="2026-11-21T19:00:00Z",
    )


def opened(path: Path) -> GeoDataFrame:
    """A file as geopandas has it."""
    return gpd.read_parquet(path) if path.suffix.endswith("parquet") else gpd.read_file(path)
