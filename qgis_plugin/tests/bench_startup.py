"""What the plugin adds to the start of QGIS, in milliseconds.

    /usr/bin/python3 qgis_plugin/tests/bench_startup.py

Each time in a fresh Python in which QGIS and Processing have started, as they have when QGIS
loads its plugins; printed are the middle one of eleven, the least and the most.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[1]
RUNS = 11

ONCE = """
import sys, time
sys.path[:0] = [sys.argv[1], "/usr/share/qgis/python/plugins"]
import qgis.core, qgis.gui, qgis.utils
from qgis.PyQt import QtCore, QtGui, QtWidgets
application = qgis.core.QgsApplication([], True)
application.initQgis()
from processing.core.Processing import Processing
Processing.initialize()
began = time.perf_counter()
import geomrcnn_qgis
plugin = geomrcnn_qgis.classFactory(None)
imported = time.perf_counter()
plugin.initProcessing()
print(1000 * (imported - began), 1000 * (time.perf_counter() - imported))
"""


def once() -> tuple[float, float]:
    """Milliseconds to import the plugin, and to bring its algorithms."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", ONCE, str(PLUGINS)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
    )  # fmt: skip
    imported, brought = map(float, done.stdout.split())
    return imported, brought


def main() -> None:
    """Print a line for each part and one for both."""
    imports, bringing = zip(*(once() for _ in range(RUNS)))
    both = [sum(parts) for parts in zip(imports, bringing)]
    for name, times in (("import", imports), ("algorithms", bringing), ("both", both)):
        middle = statistics.median(times)
        print(f"{name:<12}{middle:6.1f} ms ({min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
