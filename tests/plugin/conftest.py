"""The plugin's modules that need no QGIS, found where the plugin is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "qgis_plugin"))
