"""Make an environment with geomrcnn in it, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..child import child, interpreter, surroundings
from . import failures, pythons
from .folder import python_in, replaced
from .requirement import NAME, check_wheels, requirement

LEASH = Path(__file__).with_name("leash.py")

SIZE, SIZE_OF_TRAINING = 1.0, 2.3
"""Gigabytes on disk that geomrcnn needs, and that training needs besides."""


@dataclass(frozen=True)
class Plan:
    """What to make.

    Attributes:
        python: The Python to make it from.
        folder: Where; an environment that was made there before is replaced.
        what: "geomrcnn", perhaps with a version; a folder, a wheel or an archive of it; or a URL.
        training: Whether to bring what training needs.
        wheels: A folder to take all packages from; None for the package index.
        uv: Path of uv, to install with; "" for pip.
    """

    python: str
    folder: Path
    what: str = NAME
    training: bool = False
    wheels: Path | None = None
    uv: str = ""


class Step(NamedTuple):
    """Where a creation is.

    Attributes:
        number: From 1.
        total: How many there are.
        text: What is done now.
    """

    number: int
    total: int
    text: str


STEPS = (
    "Looking at the Python to make it from",
    "Making the environment",
    "Installing geomrcnn",
    "Asking the new environment what it has",
)


def find_uv() -> str:
    """The path of uv, or "". Its own installer puts it where windows' programs do not look."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path.home() / ".local/bin")) or ""


def default_folder(data: Path) -> Path:
    """Where to make the environment, in the folder of the user's data."""
    return data / "environment"


def create(
    plan: Plan,
    *,
    on_step: Callable[[Step], None],
    on_line: Callable[[str], None],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> interpreter.Facts:
    """Make an environment.

    If it fails or is cancelled, an environment that was there before is there again.

    Args:
        plan: What to make.
        on_step: Told of each step as it begins.
        on_line: Given what the programs say.
        is_cancelled: Asked all the time whether to stop.

    Returns:
        What the new environment says it has.

    Raises:
        Failed: in a line that says what to do.
        Cancelled: as the user wished.
    """

    def begin(number: int) -> None:
        on_step(Step(number, len(STEPS), STEPS[number - 1]))

    begin(1)
    if not plan.python:
        raise child.Failed(f"there is no Python to make an environment from: {pythons.GET_ONE}")
    pythons.check(pythons.examined(plan.python, is_cancelled), with_uv=bool(plan.uv))
    wanted = requirement(plan.what, plan.training)
    if plan.wheels is not None:
        check_wheels(plan.wheels, wanted)
    with replaced(plan.folder):
        for number, parts in enumerate(commands(plan, wanted), start=2):
            begin(number)
            for command in parts:
                _run(plan, command, on_line, is_cancelled)
        begin(4)
        return interpreter.ask(str(python_in(plan.folder)), is_cancelled)


def commands(plan: Plan, wanted: str) -> tuple[list[list[str]], list[list[str]]]:
    """What makes the environment, and what installs a requirement in it."""
    python = str(python_in(plan.folder))
    offline = ["--no-index", "--find-links", str(plan.wheels)] if plan.wheels else []
    empty = [plan.python, "-I", "-m", "venv", "--without-pip", str(plan.folder)]
    if plan.uv:
        install = [plan.uv, "pip", "install", "--python", python, *offline, wanted]
        return [empty], [install]
    # venv would do this, too, and keep to itself why it fails.
    with_pip = [python, "-I", "-m", "ensurepip", "--default-pip"]
    quiet = ["--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
    install = [python, "-I", "-m", "pip", "install", *quiet, *offline, wanted]
    return [empty, with_pip], [install]


def _run(
    plan: Plan,
    command: Sequence[str],
    on_line: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> None:
    """Run a command in such a way that it ends when it is cancelled, or QGIS dies.

    Raises:
        Failed: it failed, for the reason found in what it said.
        Cancelled: as the user wished.
    """
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        on_line(line)

    # What is downloaded and built would stay in the system's folder if pip is killed, and that one
    # is often too small for TensorFlow.
    temporary = plan.folder / "tmp"
    temporary.mkdir()
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    try:
        child.run(
            [plan.python, "-I", str(LEASH), *command],
            on_line=hear,
            is_cancelled=is_cancelled,
            environment={**surroundings.clean(), **places},
        )
    except child.Failed as error:
        ending = said[-1] if said else str(error)
        why = failures.reason(said, plan.wheels is not None, ending)
        raise child.Failed(why) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
