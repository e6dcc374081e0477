"""Running generated cases: each ends in a right answer, or in one clear line, and soon."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from geomrcnn.errors import GeomrcnnError

SLOW = 10.0
"""Seconds of processor time that no case may take."""
HANGS = 300.0
"""Seconds after which a case is given up."""
MUCH = 2**30
"""Bytes that no case may add to the peak of memory."""
LONGEST = 700
"""Characters of a message that can be called a line."""

Attempt: TypeAlias = Callable[[np.random.Generator, Path], None]
"""Makes a hostile input in a folder, which is empty, and uses it. Any error but a GeomrcnnError is
a fault, and so is an AssertionError, which says that the answer is wrong."""

Kind: TypeAlias = Callable[[Path], Attempt]
"""Prepares the sound files that its cases spoil, in a folder of its own."""


class Fate(Enum):
    """How a case ended."""

    ANSWER = "answer"
    LINE = "one clear line"
    FAILURE = "FAILURE"


class Outcome(NamedTuple):
    """The end of a case; `said` is the line, or what is wrong."""

    number: int
    fate: Fate
    said: str


def run_cases(kind: Kind, name: str, numbers: range, seed: int, home: Path) -> Iterator[Outcome]:
    """Run cases in another process, and in a new one after each that hangs or kills it.

    Raises:
        RuntimeError: the sound files could not be made.

    Args:
        kind: What is hostile.
        name: Its name: with the seed and a number it decides on a case.
        numbers: Of the cases.
        seed: Any number.
        home: A folder that is there. The folder of a case that fails, named NAME-NUMBER, stays.
    """
    while numbers:
        here, there = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.get_context("spawn").Process(
            target=_work, args=(kind, name, numbers, seed, home, there)
        )
        worker.start()
        there.close()
        for number in numbers:
            outcome = _next(here, number)
            if outcome.said == DEAD:
                worker.join()
                if worker.exitcode == 1:  # by an error in Python, which it has printed
                    raise RuntimeError(f"the sound files of {name} cannot be made")
            yield outcome
            numbers = numbers[1:]
            if outcome.said in (HANGING, DEAD):
                break
        worker.kill()
        worker.join()
        here.close()


HANGING, DEAD = f"still busy after {HANGS:.0f} s", "the process died"


def _next(worker: Connection, number: int) -> Outcome:
    """What a worker says of a case, or why it says nothing."""
    if not worker.poll(HANGS):
        return Outcome(number, Fate.FAILURE, HANGING)
    try:
        outcome: Outcome = worker.recv()
    except EOFError:
        return Outcome(number, Fate.FAILURE, DEAD)
    return outcome


def _work(kind: Kind, name: str, numbers: range, seed: int, home: Path, parent: Connection) -> None:
    sound = home / f"{name}-sound"
    sound.mkdir(exist_ok=True)
    attempt = kind(sound)
    for number in numbers:
        folder = home / f"{name}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        rng = np.random.default_rng((seed, zlib.crc32(name.encode()), number))
        outcome = Outcome(number, *judge(attempt, rng, folder))
        if outcome.fate is not Fate.FAILURE:
            shutil.rmtree(folder)
        parent.send(outcome)


def judge(attempt: Attempt, rng: np.random.Generator, folder: Path) -> tuple[Fate, str]:
    """How a case ends, and what is said of it."""
    before, began = peak(), time.process_time()
    fate, said = Fate.ANSWER, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attempt(rng, folder)
    except GeomrcnnError as error:
        fate, said = Fate.LINE, str(error)
        if not said.isprintable() or not 0 < len(said) <= LONGEST:
            return Fate.FAILURE, f"not a clear line: {said!r}"
    except BaseException:
        return Fate.FAILURE, traceback.format_exc()
    if (seconds := time.process_time() - began) > SLOW:
        return Fate.FAILURE, f"took {seconds:.1f} s: {said}"
    if (more := peak() - before) > MUCH:
        return Fate.FAILURE, f"took {more / 2**20:.0f} MiB: {said}"
    return fate, said


def peak() -> int:
    """Most bytes that this process ever had; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
