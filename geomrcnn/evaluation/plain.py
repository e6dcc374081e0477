"""Figures as JSON."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(values: Any) -> str:
    """Indented JSON; what is not a number becomes null, for JSON has no NaN."""
    return json.dumps(_finite(values), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
