"""`geomrcnn inspect`: what is in a data set or a model."""

from __future__ import annotations

from geomrcnn.cli.main import LazyGroup, Verb

VERBS = {
    "data": Verb("geomrcnn.cli.inspect_data:data", "Measure the objects of training data."),
    "model": Verb("geomrcnn.cli.inspect_model:model", "Show the card of a model."),
}

HELP = """Look into training data and models.

\b
Examples:
  geomrcnn inspect data chips --gsd 0.3
  geomrcnn inspect model fields
"""

inspect = LazyGroup("inspect", VERBS, HELP)
