"""The environment variables that a process beside QGIS is given."""

from __future__ import annotations

import os
from collections.abc import Mapping

# What QGIS's launchers set for QGIS's own Python, GDAL, PROJ and Qt. Any of them makes another
# Python load the wrong modules, or another PROJ read a database that it cannot.
OF_QGIS = ("PYTHON", "PROJ_", "GDAL_", "OSGEO", "QT_", "DYLD_", "LD_LIBRARY_PATH", "LD_PRELOAD")
KEPT = ("GDAL_HTTP_", "GDAL_CACHEMAX", "GDAL_NUM_THREADS", "GDAL_DISABLE_READDIR_ON_OPEN")
"""What users set for GDAL themselves: proxies, logins and the like."""


def clean(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what belongs to QGIS.

    Args:
        environment: By default that of this process.
    """
    given = os.environ if environment is None else environment
    cleaned = {
        name: value
        for name, value in given.items()
        if not name.upper().startswith(OF_QGIS) or name.upper().startswith(KEPT)
    }
    # Python writes in the machine's own encoding to a pipe, unless told.
    return {**cleaned, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
