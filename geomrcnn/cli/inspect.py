"""`geomrcnn inspect`: a look at models."""

from __future__ import annotations

import click

from geomrcnn.cli.inspect_model import model


@click.group(
    epilog="""\b
Examples:
  geomrcnn inspect model fields
"""
)
def inspect() -> None:
    """Look at what there is before using it."""


inspect.add_command(model)
