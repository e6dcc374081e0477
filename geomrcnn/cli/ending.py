"""How others end a command: by SIGTERM, or by ending themselves (`--exit-with-parent`)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import TypeVar

import click

EXIT_TERMINATED = 143  # 128 + SIGTERM, as shells count

GRACE = 5.0
"""Seconds that a command has to wind up after its parent has ended."""

POLL = 0.5
"""Seconds after which work in another thread is looked at again: Windows tells of no interrupts
while a thread is waited for."""

T = TypeVar("T")


class Terminated(KeyboardInterrupt):
    """SIGTERM: the end of a batch job's time, or of a container; wind up as for an interrupt."""


def wind_up_when_terminated() -> None:
    """From here on SIGTERM raises `Terminated`."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)


def beside(work: Callable[[], T]) -> T:
    """Do work in another thread, so that whoever interrupts need not wait for it.

    A step of training is seconds in C code, on a busy machine, and Python handles no signals
    meanwhile. The thread ends with the process.

    Raises:
        Whatever the work raises.
    """
    outcome: Future[T] = Future()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL)
    return outcome.result()


def _watch(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Have a thread wait for the end of the standard input, from now to the end of the verb.

    Raises:
        UsageError: there is no standard input.
    """
    if not wanted:
        return
    if sys.__stdin__ is None:
        raise click.UsageError("--exit-with-parent wants a standard input", ctx)
    over = threading.Event()
    ctx.call_on_close(over.set)
    threading.Thread(target=_end_after, args=(_taken_stdin(), over), daemon=True).start()


EXIT_WITH_PARENT = click.Option(
    ["--exit-with-parent"], is_flag=True, is_eager=True, expose_value=False, callback=_watch,
    help="End when the standard input ends, a pipe that another program holds.",
)  # fmt: skip
"""Eager: the end of the parent counts while the values of other options are being imported."""


def _taken_stdin() -> int:
    """The standard input for this purpose alone; whoever else reads it finds nothing there.

    On Windows, one who waits for a pipe makes all others wait who so much as ask what it is, and
    the processes that inherit it ask when they start.
    """
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return pipe


def _end_after(pipe: int, over: threading.Event) -> None:
    """Wait for the end of a pipe, then end this process: gently, and if that fails, at once.

    A process whose verb is `over` is ending, and will tell by its exit code how that went.
    """
    try:
        while os.read(pipe, 4096):
            pass
    except OSError:  # a terminal that has been closed
        pass
    if not over.is_set():
        _terminate()
    time.sleep(GRACE)
    os._exit(EXIT_TERMINATED)


def _terminate() -> None:
    """Let SIGTERM come to the main thread, where Python handles signals."""
    if sys.platform == "win32":
        # To send a signal is to kill there; this calls the handler as soon as Python code runs.
        import _thread

        _thread.interrupt_main(signal.SIGTERM)
    else:
        # To the thread, so that whatever it waits for is interrupted.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
