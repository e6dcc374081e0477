"""Errors a user can mend. The command line prints each as one line and exits with code 1."""

from __future__ import annotations


class GeomrcnnError(Exception):
    """Base of every error that is about the user's input, files or installation."""

    def __str__(self) -> str:
        """The message on one line, whatever the names of files and other programs put into it."""
        return "".join(sign if sign.isprintable() else " " for sign in super().__str__())


class RasterError(GeomrcnnError):
    """A raster that cannot be opened, or does not fit the model."""


class RasterLostError(RasterError):
    """A raster that has gone, changed or got out of reach while it was read.

    A plain RasterError from reading is about the window that was asked for, others may be sound;
    after this one no window can be read, or none that belongs to what was read before.
    """


class ModelError(GeomrcnnError):
    """A model that cannot be found, read or run."""


class DataError(GeomrcnnError):
    """Training or evaluation data that cannot be read or makes no sense."""


class OutsideError(DataError):
    """An area of interest of which a raster shows nothing."""


class TooFewBlocksError(DataError):
    """Too little labelled ground to set some of it apart for validation and test."""


class OutputError(GeomrcnnError):
    """A result that cannot be written."""


class ClusterError(GeomrcnnError):
    """Other processes or machines that were to help, and are not to be had."""


class MissingExtraError(GeomrcnnError):
    """An optional dependency is needed and not installed."""

    def __init__(self, extra: str, what: str) -> None:
        """Say which `extra` brings `what`, and the command that installs it."""
        super().__init__(f"{what} needs the extra '{extra}': pip install 'geomrcnn[{extra}]'")
        self.extra, self.what = extra, what

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Go from process to process: pickle would call with the message alone."""
        return type(self), (self.extra, self.what)
