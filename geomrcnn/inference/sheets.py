"""Several rasters as one: which of their features are one object, where rasters overlap.

Rasters overlap as tiles do within a raster, so the rule is the same (see `vector.merge`): features
of one class from different rasters are one object if they agree on the ground that both rasters
cover. One that no raster edge cuts stands for all; otherwise they are united.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from shapely import STRtree

from geomrcnn.inference.georeference import ground_areas
from geomrcnn.vector.components import components
from geomrcnn.vector.polygons import Polygonal, polygonal
from geomrcnn.vector.rivals import COVERAGE, Claim, survivors

EDGE_PIXELS = 2.0
"""A feature this near to the edge of its raster counts as cut by it."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The place of a raster on the common map.

    Attributes:
        name: What the column `raster` calls it.
        footprint: What it covers, in the common CRS.
        pixel: Side of a pixel in units of the common CRS.
    """

    name: str
    footprint: Polygonal
    pixel: float


class SheetJoiner:
    """Lets features of overlapping rasters pass, once all is known about the ground they lie on."""

    def __init__(self, sheets: Sequence[Sheet], crs: object, agreement: float) -> None:
        """Take the rasters in the order in which they will be looked at."""
        self._sheets = sheets
        self._crs = crs
        self._agreement = agreement
        self._footprints = np.array([sheet.footprint for sheet in sheets], dtype=object)
        shapely.prepare(self._footprints)
        self._waiting: GeoDataFrame | None = None

    def add(self, number: int, features: GeoDataFrame) -> GeoDataFrame:
        """Take some features of a raster, in the common CRS; give back those that it alone sees."""
        tree = STRtree(self._footprints)
        feature, sheet = tree.query(features.geometry.values, predicate="intersects")
        last = np.full(len(features), -1)
        np.maximum.at(last, feature, sheet)
        shared = np.zeros(len(features), bool)
        shared[feature[sheet != number]] = True
        named = features.assign(raster=self._sheets[number].name)
        held = named[shared].assign(
            _sheet=number,
            _last=np.maximum(last[shared], number),
            _cut=self._cut(number, features.geometry.to_numpy())[shared],
        )
        if len(held):
            waiting = [held] if self._waiting is None else [self._waiting, held]
            self._waiting = pd.concat(waiting, ignore_index=True)
        return named[~shared]

    def finish(self, number: int) -> GeoDataFrame | None:
        """The features that no raster after this one can see; None if there are none."""
        if self._waiting is None:
            return None
        waiting = self._waiting
        links, conflicts = self._pairs(waiting)
        group = components(len(waiting), conflicts)
        stays = np.isin(group, group[waiting["_last"].to_numpy() > number])
        closing = waiting.assign(_part=components(len(waiting), links))[~stays]
        self._waiting = waiting[stays].reset_index(drop=True) if stays.any() else None
        if closing.empty:
            return None
        objects = [self._settle(members) for _, members in closing.groupby("_part", sort=True)]
        settled = pd.concat(objects, ignore_index=True)
        kept = settled.iloc[survivors(_claims(settled))]
        kept = kept.sort_values(["_sheet", "_part"], kind="stable")
        return kept.drop(columns=["_sheet", "_last", "_cut", "_part", "_seen"])

    def _cut(self, number: int, shapes: np.ndarray) -> np.ndarray:
        """Which features the edge of their raster cuts."""
        sheet = self._sheets[number]
        away = shapely.distance(shapes, shapely.boundary(sheet.footprint))
        return np.asarray(away <= EDGE_PIXELS * sheet.pixel)

    def _pairs(self, features: GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
        """[P, 2] features that are one object, and those that lie on one another."""
        shapes, sheet = features.geometry.to_numpy(), features["_sheet"].to_numpy()
        first, second = self._rivals(features)
        zones = shapely.intersection(
            self._footprints[sheet[first]], self._footprints[sheet[second]]
        )
        one = shapely.area(shapely.intersection(shapes[first], zones))
        other = shapely.area(shapely.intersection(shapes[second], zones))
        shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
        linked = (shared > 0) & (shared >= self._agreement * (one + other - shared))
        area = shapely.area(shapes)
        conflicting = linked | (shared > COVERAGE / 2 * np.minimum(area[first], area[second]))
        pairs = np.stack([first, second], axis=1)
        return pairs[linked], pairs[conflicting]

    def _settle(self, members: GeoDataFrame) -> GeoDataFrame:
        """One feature, in a table of one row, for some that are one object."""
        best = members.sort_values(
            ["_cut", "score", "_sheet"], ascending=[True, False, True], kind="stable"
        ).iloc[:1]
        best = best.assign(_seen=[frozenset(members["_sheet"])])
        if len(members) == 1 or not best["_cut"].iloc[0]:
            return best
        united = shapely.orient_polygons(polygonal(shapely.union_all(members.geometry.to_numpy())))
        return best.assign(
            geometry=[united],
            area_m2=[round(ground_areas([united], self._crs)[0], 1)],
            fragments=np.array([members["fragments"].sum()], np.int32),
        )

    def _rivals(self, features: GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of features of one class that meet, from different rasters, the first first."""
        shapes = features.geometry.to_numpy()
        sheet, kind = features["_sheet"].to_numpy(), features["class"].to_numpy()
        first, second = STRtree(shapes).query(shapes, predicate="intersects")
        wanted = (first < second) & (sheet[first] != sheet[second]) & (kind[first] == kind[second])
        return first[wanted], second[wanted]


def _claims(settled: GeoDataFrame) -> list[Claim]:
    """What the features have to say against others on their ground."""
    columns = ("geometry", "class", "_cut", "_seen", "_sheet", "score")
    return [
        Claim(shape, name, not cut, seen, (-score, sheet, place))
        for place, (shape, name, cut, seen, sheet, score) in enumerate(
            zip(*(settled[column] for column in columns), strict=True)
        )
    ]
