"""Field boundaries for agriculture: names and metadata that programs for fields look for.

fiboa 0.3.0, https://fiboa.org/specification/v0.3.0/schema.yaml, which builds on Vecorel 0.1.0: an
`id` and a `collection` that are unique together, `metrics:area` in square metres, and how the
outline was determined. What is the same for all features stands in the collection's metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import numpy as np
import pyarrow as pa

from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import Batch, FeatureTable

SCHEMAS = (
    "https://vecorel.org/specification/v0.1.0/schema.yaml",
    "https://fiboa.org/specification/v0.3.0/schema.yaml",
)

LARGEST_M2 = 1e9

_ID = pa.field("id", pa.string(), nullable=False)
_AREA = pa.field("metrics:area", pa.float32())


def applies(provenance: Provenance) -> bool:
    """Whether the model finds agricultural fields and nothing else."""
    return tuple(provenance.classes) == ("field",)


def with_columns(table: FeatureTable) -> FeatureTable:
    """Add `id`, a running number from 1, in front, and `metrics:area` at the end."""
    schema = pa.schema([_ID, *table.schema, _AREA])
    return FeatureTable(schema, table.crs, _extended(table.batches, schema))


def collection(name: str, provenance: Provenance) -> dict[str, Any]:
    """What Vecorel wants told of all features at once.

    Args:
        name: Identifier of the collection.
        provenance: What made them.
    """
    return {
        "collection": name,
        "schemas": {name: list(SCHEMAS)},
        "determination:method": "auto-imagery",
        "determination:details": (
            f"geomrcnn {provenance.geomrcnn}, model {provenance.model} {provenance.model_version}"
        ).rstrip(),
    }


def _extended(batches: Iterator[Batch], schema: pa.Schema) -> Iterator[Batch]:
    numbers = count(1)
    for attributes, geometry in batches:
        names = [str(number) for number in islice(numbers, len(geometry))]
        columns = [pa.array(names, pa.string()), *attributes.columns, _area(attributes)]
        yield Batch(pa.RecordBatch.from_arrays(columns, schema=schema), geometry)


def _area(attributes: pa.RecordBatch) -> pa.Array:
    """Areas in square metres; null where fiboa allows none of that size."""
    area = attributes.column("area_m2").to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        allowed = (area > 0) & (area <= LARGEST_M2)
    return pa.array(area, pa.float32(), mask=~allowed)
