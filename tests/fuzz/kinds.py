"""All kinds of hostile inputs."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz.areas import areas, labels
from tests.fuzz.bundles import bundles
from tests.fuzz.cases import Kind
from tests.fuzz.journals import journals
from tests.fuzz.lists import lists
from tests.fuzz.rasters import rasters, vrts

KINDS: Mapping[str, Kind] = {
    "areas": areas,
    "labels": labels,
    "lists": lists,
    "bundles": bundles,
    "journals": journals,
    "rasters": rasters,
    "vrts": vrts,
}
