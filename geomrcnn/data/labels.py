"""Labels and areas of interest from polygon layers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from shapely import MultiPolygon

from geomrcnn.data.layers import PolygonLayer, way_between
from geomrcnn.errors import DataError
from geomrcnn.formats.reader import read_features
from geomrcnn.vector.polygons import is_tangled, polygonal, polygons_of

CLASS_COLUMN = "class"
"""Attribute that holds the class where none is named; what `predict` writes."""

ONE_CLASS = "object"
"""Name of the only class where labels have none."""

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class LayerReport:
    """What was found in label layers.

    Attributes:
        features: Rows of the layers.
        repaired: Outlines that crossed themselves and were made valid.
        dropped: Rows without a geometry, or with none that has an area.
    """

    features: int
    repaired: int
    dropped: int

    def __str__(self) -> str:
        """The counts in words."""
        return (
            f"{self.features} labels, {self.repaired} outlines repaired, {self.dropped} without "
            "area dropped"
        )


@dataclass(frozen=True, eq=False)
class Labels(PolygonLayer):
    """Labelled polygons.

    Attributes:
        classes: Names of classes 1..C.
        class_ids: [N] class of each polygon.
        report: What was found in the files.
    """

    classes: tuple[str, ...]
    class_ids: npt.NDArray[np.int32]
    report: LayerReport


def read_labels(
    paths: Path | Sequence[Path],
    *,
    attribute: str | None = None,
    classes: Sequence[str] | None = None,
) -> Labels:
    """Read labels from a layer in any format GDAL knows, or from several, in any mix of CRSs.

    Args:
        paths: One file, or several whose labels belong together.
        attribute: The column that names the class. By default "class", where there is one; all
            labels are of one class where there is none.
        classes: The classes, in this order; by default those that occur, by name. A single name
            for labels without a column is what they are called, instead of "object".

    Raises:
        DataError: naming the file, and the feature where it is one that is wrong.
    """
    files = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    parts = [_read(os.fspath(path), attribute, classes) for path in files]
    frame = _joined(files, [part.frame for part in parts])
    if frame.empty:
        raise DataError(f"{_names(files)}: holds no polygon to learn from")
    known = tuple(classes) if classes else tuple(sorted(set(frame[CLASS_COLUMN])))
    return Labels(
        path=_names(files),
        crs=frame.crs,
        geometries=np.asarray(frame.geometry.values, object),
        classes=known,
        class_ids=np.array([known.index(name) + 1 for name in frame[CLASS_COLUMN]], np.int32),
        report=LayerReport(
            sum(part.report.features for part in parts),
            sum(part.report.repaired for part in parts),
            sum(part.report.dropped for part in parts),
        ),
    )


def read_area_of_interest(path: Path) -> PolygonLayer:
    """Read where labels are complete: the polygons of a layer.

    Raises:
        DataError: it cannot be read, or there is no polygon.
    """
    frame, _ = _cleaned(path, read_features(path))
    if frame.empty:
        raise DataError(f"{path}: holds no polygon to be the area of interest")
    return PolygonLayer(os.fspath(path), frame.crs, np.asarray(frame.geometry.values, object))


@dataclass(frozen=True, eq=False)
class _Part:
    """One file: a frame of classes and valid polygons."""

    frame: GeoDataFrame
    report: LayerReport


def _read(path: str, attribute: str | None, classes: Sequence[str] | None) -> _Part:
    frame = read_features(path)
    if attribute is not None and attribute not in frame:
        columns = ", ".join(str(name) for name in frame.columns if name != frame.geometry.name)
        raise DataError(f"{path}: has no attribute '{attribute}', its attributes are {columns}")
    column = attribute or (CLASS_COLUMN if CLASS_COLUMN in frame else None)
    if column is None:
        if classes and len(classes) > 1:
            raise DataError(
                f"{path}: name the attribute that tells {', '.join(classes)} apart: it has no "
                f"'{CLASS_COLUMN}'"
            )
        names = [classes[0] if classes else ONE_CLASS] * len(frame)
    else:
        names = [
            _class_name(f"{path}: feature {row + 1}", value, column, classes)
            for row, value in enumerate(frame[column])
        ]
    labelled = GeoDataFrame({CLASS_COLUMN: names}, geometry=frame.geometry.values, crs=frame.crs)
    return _Part(*_cleaned(path, labelled))


def _class_name(record: str, value: Any, column: str, classes: Sequence[str] | None) -> str:
    """The class a value stands for; whole numbers stay whole where a column has gaps."""
    if pd.isna(value) or value == "":
        raise DataError(f"{record}: has no class, its '{column}' is empty")
    name = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    if classes and name not in classes:
        raise DataError(f"{record}: class '{name}' is none of {', '.join(classes)}")
    return name


def _cleaned(path: str | os.PathLike[str], frame: GeoDataFrame) -> tuple[GeoDataFrame, LayerReport]:
    """The rows that have an area, made valid."""
    shapes = shapely.force_2d(frame.geometry.values)
    present = ~shapely.is_missing(shapes)
    broken = present & ~shapely.is_valid(shapes)
    for row in np.flatnonzero(broken):
        if is_tangled(shapes[row]):
            raise DataError(f"{path}: feature {row + 1} crosses itself too often to be repaired")
    parts = [polygons_of(shape) for shape in shapes]
    cleaned = [polygonal(p[0] if len(p) == 1 else MultiPolygon(p)) for p in parts]
    kept = np.array([shape.area > 0 for shape in cleaned], bool)
    result = frame[kept].set_geometry([shape for shape, keep in zip(cleaned, kept, strict=True)
                                       if keep], crs=frame.crs)  # fmt: skip
    return result, LayerReport(len(frame), int((broken & kept).sum()), int((~kept).sum()))


def _joined(files: Sequence[Path], frames: list[GeoDataFrame]) -> GeoDataFrame:
    """All rows in the CRS of the first."""
    first = frames[0].crs
    for path, frame in zip(files, frames, strict=True):
        if (frame.crs is None) != (first is None):
            raise DataError(
                f"{path}: cannot be joined with {files[0]}: one of them has no CRS, the other has"
            )
    if first is not None:
        for path, frame in zip(files, frames, strict=True):
            way_between(frame.crs, first, os.fspath(path))
        frames = [frame.to_crs(first) for frame in frames]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _names(files: Sequence[Path]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{os.fspath(files[0])}{more}"
