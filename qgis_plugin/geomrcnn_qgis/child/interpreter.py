"""Another Python, in which geomrcnn is installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import child

CHOOSE = "choose another, or make one, in the menu Plugins ▸ geomrcnn ▸ Environment"


class Model(NamedTuple):
    """A model that comes with geomrcnn.

    Attributes:
        name: What `--model` takes.
        classes: Names of what it finds.
        gsd: Metres on the ground to a pixel, as it wants them.
    """

    name: str
    classes: tuple[str, ...]
    gsd: float


class Facts(NamedTuple):
    """What an interpreter has to offer.

    Attributes:
        version: Of geomrcnn.
        python: Version of Python.
        executable: The interpreter.
        devices: What networks can run on.
        extras: Whether each extra, such as "train", is installed.
        models: Those that come with geomrcnn.
    """

    version: str
    python: str
    executable: str
    devices: tuple[str, ...]
    extras: dict[str, bool]
    models: tuple[Model, ...]


def command(python: str, arguments: Sequence[str]) -> list[str]:
    """geomrcnn in that interpreter, which ends with this process."""
    # -I: neither the current folder nor PYTHONPATH nor the user's own packages come in between.
    return [python, "-I", "-m", "geomrcnn", *arguments, "--exit-with-parent"]


def run(python: str, arguments: Sequence[str], **hooks: Any) -> child.Event:
    """Run geomrcnn in an interpreter.

    Args:
        python: Its path.
        arguments: Of the command line.
        hooks: As `child.run` takes them.

    Raises:
        Failed: with a line that says what is wrong with the interpreter, or what geomrcnn said.
        Cancelled: as the user wished.
    """
    try:
        return child.run(command(python, arguments), **hooks)
    except child.Failed as error:
        raise child.Failed(_explained(python, str(error))) from error


def ask(python: str, is_cancelled: Callable[[], bool] = lambda: False) -> Facts:
    """What an interpreter has.

    Raises:
        Failed: there is none at that path, it has no geomrcnn, or an old one.
        Cancelled: as the user wished.
    """
    said: list[str] = []
    arguments = ["inspect", "environment", "--json", "-"]
    run(python, arguments, on_line=said.append, is_cancelled=is_cancelled)
    text = "\n".join(said)
    try:
        # Between warnings of libraries, if there are any.
        told = json.loads(text[text.index("{") : text.rindex("}") + 1])
        models = [
            Model(one["name"], tuple(one["classes"]), float(one["gsd"])) for one in told["models"]
        ]
        return Facts(
            version=told["version"],
            python=told["python"],
            executable=told["executable"],
            devices=tuple(told["devices"]),
            extras=dict(told["extras"]),
            models=tuple(models),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise child.Failed(f"{python}: does not answer as geomrcnn does: {CHOOSE}") from error


def _explained(python: str, failure: str) -> str:
    """A failure that is the interpreter's fault, in words that help."""
    if "cannot be started" in failure:
        return f"{failure}: {CHOOSE}"
    if "No module named geomrcnn" in failure or "No module named 'geomrcnn'" in failure:
        return f"{python}: this Python has no geomrcnn: {CHOOSE}"
    if "No such option" in failure or "No such command" in failure:
        return f"{python}: its geomrcnn is too old for this plugin ({failure})"
    return failure
