"""`geomrcnn inspect`: what is in a data set, a model or an installation."""

from __future__ import annotations

from geomrcnn.cli.main import LazyGroup, Verb

VERBS = {
    "data": Verb("geomrcnn.cli.inspect_data:data", "Measure the objects of training data."),
    "model": Verb("geomrcnn.cli.inspect_model:model", "Show the card of a model."),
    "environment": Verb("geomrcnn.cli.inspect_environment:environment", "Show what is installed."),
}

HELP = """Look into training data, models and this installation.

\b
Examples:
  geomrcnn inspect data chips --gsd 0.3
  geomrcnn inspect model fields
  geomrcnn inspect environment
"""

inspect = LazyGroup("inspect", VERBS, HELP)
