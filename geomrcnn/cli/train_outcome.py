"""What a training run tells programs on its way and at its end; people get lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from geomrcnn.cli.progress import Narrator

if TYPE_CHECKING:
    from geomrcnn.training.log import OnStep
    from geomrcnn.training.run import RunConfig

TIMES = ("learning_rate", "seconds", "waiting")
"""What a step has beside its losses."""


@contextmanager
def counting_steps(narrator: Narrator) -> Iterator[OnStep | None]:
    """Who hears of each step; None where lines are said of every so many."""
    if narrator.mode == "auto":
        yield None
        return
    with narrator.counting("Training", "steps") as count:

        def tell(step: int, steps: int, values: Mapping[str, float]) -> None:
            losses = {name: value for name, value in values.items() if name not in TIMES}
            count(step, steps, losses=losses, **{name: values[name] for name in TIMES})

        yield tell


def tell_of(narrator: Narrator, out: Path, run: RunConfig) -> None:
    """Tell what came of a run; to people the run itself does."""
    from geomrcnn.training.train import MODEL_FILE, REPORT_FILE

    narrator.done(
        out=str(out), model=str(out / MODEL_FILE), report=str(out / REPORT_FILE),
        classes=list(run.classes),
    )  # fmt: skip
