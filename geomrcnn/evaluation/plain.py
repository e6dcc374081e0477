"""Figures as JSON."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(values: Any) -> str:
    """Indented JSON; what is not a number becomes null, for JSON has no NaN."""
    return json.dumps(finite(values), indent=2, allow_nan=False)


def finite(value: Any) -> Any:
    """The same with null in the place of what is not a number."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
