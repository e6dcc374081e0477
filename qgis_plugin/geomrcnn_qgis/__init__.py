"""geomrcnn in QGIS: objects in georeferenced imagery, as polygons.

Nothing of QGIS is imported until QGIS asks for the plugin, and nothing of geomrcnn ever is: it runs
as a process of its own, in a Python of its own.
"""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802 - QGIS's name
    """The plugin, for QGIS.

    Args:
        iface: QGIS's window; None where there is none, as in qgis_process.
    """
    from .plugin import Plugin

    return Plugin(iface)
