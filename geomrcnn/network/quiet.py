"""TensorFlow without the lines it prints when it starts."""

from __future__ import annotations

import os
import sys


def import_tensorflow() -> None:
    """Import it, and let it look for devices, with the standard error stream closed to it.

    Libraries beneath it report the processor and missing GPUs there, past every log level, and a
    user would look for a fault in that.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow

        tensorflow.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
