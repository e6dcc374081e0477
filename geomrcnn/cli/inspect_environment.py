"""`geomrcnn inspect environment`: what this installation is, and what it can do."""

from __future__ import annotations

import json
import platform
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from geomrcnn import __version__
from geomrcnn.cli.main import EXTRAS
from geomrcnn.errors import MissingExtraError

if TYPE_CHECKING:
    from geomrcnn.evaluation.tables import Table

EXAMPLES = """
\b
Examples:
  geomrcnn inspect environment
  geomrcnn inspect environment --json -
  geomrcnn inspect environment --tensorflow
"""

BUILT_IN = {"tomli": (3, 11)}
"""Modules that an extra brings to older Pythons than these alone."""
INCLUDED = {"export": ("train",)}
"""Extras that bring others."""


class Model(NamedTuple):
    """A shipped model.

    Attributes:
        name: What `--model` takes.
        classes: Names of what it finds.
        gsd: Metres on the ground to a pixel.
        min_score: Score from which objects count, unless `--min-score` says otherwise.
        precisions: What it can compute in.
    """

    name: str
    classes: tuple[str, ...]
    gsd: float
    min_score: float
    precisions: tuple[str, ...]


class Facts(NamedTuple):
    """What there is.

    Attributes:
        version: Of geomrcnn.
        python: Version of Python.
        executable: The interpreter.
        platform: System, its version, and kind of processor.
        devices: What networks can run on, after the name of the library that knows it.
        extras: Whether all of each is installed.
        models: Those that come with the package.
        formats: Endings of the files that `predict` writes, and the beginning of a database.
    """

    version: str
    python: str
    executable: str
    platform: str
    devices: tuple[str, ...]
    extras: dict[str, bool]
    models: tuple[Model, ...]
    formats: tuple[str, ...]

    def to_json(self) -> str:
        """As an object, with objects for models."""
        models = [model._asdict() for model in self.models]
        return json.dumps({**self._asdict(), "models": models}, indent=2)


@click.command(epilog=EXAMPLES)
@click.option("--tensorflow", is_flag=True,
              help="Name TensorFlow's devices too. It takes seconds to start.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE|-",
              help="Write all facts as JSON; - prints them in place of the tables.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def environment(tensorflow: bool, json_file: Path | None, overwrite: bool) -> None:
    """Show version, interpreter, devices, extras, shipped models and formats."""
    from geomrcnn.evaluation.tables import as_text
    from geomrcnn.formats.destination import check_destination, written_beside

    on_screen = str(json_file) == "-"
    if json_file is not None and not on_screen:
        check_destination(json_file, overwrite)
    facts = read_facts(tensorflow)
    if on_screen:
        click.echo(facts.to_json())
        return
    click.echo("\n\n".join(map(as_text, tables(facts))))
    if json_file is not None:
        with written_beside(json_file) as partial:
            partial.write_text(f"{facts.to_json()}\n", encoding="utf-8")


def read_facts(tensorflow: bool = False) -> Facts:
    """Look around.

    Args:
        tensorflow: Whether to ask TensorFlow for its devices.

    Raises:
        MissingExtraError: it shall be asked, and is not installed.
    """
    from geomrcnn.bundle.bundle import Bundle, shipped_models
    from geomrcnn.formats.formats import FORMATS

    bundles = [Bundle.open(name) for name in shipped_models()]
    return Facts(
        version=__version__,
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        devices=(*_openvino(), *(_tensorflow() if tensorflow else ())),
        extras={extra: is_installed(extra) for extra in sorted({*EXTRAS.values()})},
        models=tuple(
            Model(
                bundle.card.name, bundle.card.classes, bundle.card.gsd, bundle.card.min_score,
                bundle.precisions,
            )
            for bundle in bundles
        ),
        formats=(*FORMATS, "postgresql://"),
    )  # fmt: skip


def is_installed(extra: str) -> bool:
    """Whether all modules of an extra are there; none is imported."""
    modules = [
        module
        for module, brought_by in EXTRAS.items()
        if brought_by == extra and sys.version_info < BUILT_IN.get(module, (99,))
    ]
    return all(map(find_spec, modules)) and all(map(is_installed, INCLUDED.get(extra, ())))


def tables(facts: Facts) -> list[Table]:
    """The facts for people."""
    from geomrcnn.evaluation.tables import Table

    rows = [(name, getattr(facts, name)) for name in ("version", "python", "executable")]
    rows += [("platform", facts.platform)]
    rows += [("device", device) for device in facts.devices]
    rows += [("formats", ", ".join(facts.formats))]
    extras = tuple((name, "yes" if there else "no") for name, there in facts.extras.items())
    models = tuple(
        (one.name, ", ".join(one.classes), f"{one.gsd:g} m", f"{one.min_score:g}",
         ", ".join(one.precisions))
        for one in facts.models
    )  # fmt: skip
    head = ("model", "classes", "GSD", "least score", "computes in")
    return [
        Table("", (), tuple(rows)),
        Table("Extras that are installed", (), extras),
        Table("Shipped models", head, models),
    ]


def _openvino() -> list[str]:
    import openvino

    core = openvino.Core()
    return [
        f"OpenVINO {name}: {core.get_property(name, 'FULL_DEVICE_NAME')}"
        for name in core.available_devices
    ]


def _tensorflow() -> list[str]:
    if find_spec("tensorflow") is None:
        raise MissingExtraError("train", "TensorFlow")
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from geomrcnn.training.devices import device_names

    return [f"TensorFlow {name}" for name in device_names()]
