"""A tiny run, also as a program that goes on where it was killed: resumable.py SCENES FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.run import is_run
from geomrcnn.training.train import train

TINY = TrainingConfig(steps=4, batch=1, tile=64, warmup_steps=2, checkpoint_steps=2)


def run(scenes: Path, out: Path, **changes: Any) -> None:
    """Train on a COCO folder from random weights."""
    settings = {"gsd": 4.0, "init": "none", "training": TINY, "bundle": False}
    train([scenes], out, **{"say": lambda line: None, **settings, **changes})


if __name__ == "__main__":
    scenes, out = map(Path, sys.argv[1:])
    run(
        scenes,
        out,
        validation=scenes,
        say=lambda line: print(line, flush=True),
        resume=is_run(out),
    )
