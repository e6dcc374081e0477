"""Where features come from: kept in every file, and read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from geomrcnn.errors import DataError


@dataclass(frozen=True)
class SourceRaster:
    """A raster that objects were found in.

    Attributes:
        name: As in the features' column `raster`.
        width: Pixels.
        height: Pixels.
        crs: WKT, or anything else pyproj reads; None for one that is not georeferenced.
        transform: a, b, c, d, e, f of x = a * column + b * row + c, y = d * column + e * row + f.
    """

    name: str
    width: int
    height: int
    crs: str | None
    transform: tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Provenance:
    """What made the features of a file.

    Attributes:
        model: Name of the model.
        model_version: What tells this model from others of that name, such as a digest.
        classes: Names of classes 1..C.
        rasters: What it was shown.
        geomrcnn: Version of this program.
        runtime: What ran the model, where, and in which precision.
        options: How, as plain JSON values.
        date: When, in ISO 8601 and UTC.
    """

    model: str
    model_version: str
    classes: tuple[str, ...]
    rasters: tuple[SourceRaster, ...]
    geomrcnn: str
    runtime: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    date: str = field(
        default_factory=lambda: datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def parse(text: str) -> Provenance:
    """Read what `Provenance.to_json` wrote.

    Raises:
        DataError: if it is something else.
    """
    try:
        values = json.loads(text)
        rasters = tuple(
            SourceRaster(**{**raster, "transform": tuple(raster["transform"])})
            for raster in values.pop("rasters")
        )
        return Provenance(**{**values, "classes": tuple(values["classes"]), "rasters": rasters})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the record of what made it cannot be read: {error}") from error
