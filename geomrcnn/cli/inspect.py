"""`geomrcnn inspect`: what is in a data set or a model."""

from __future__ import annotations

from geomrcnn.cli.main import LazyGroup, Verb

VERBS = {
    "data": Verb("geomrcnn.cli.inspect_data:data", "Measure the objects of training data."),
}

HELP = """Look into training data.

\b
Examples:
  geomrcnn inspect data chips --gsd 0.3
"""

inspect = LazyGroup("inspect", VERBS, HELP)
