"""Processes beside QGIS. Nothing here knows QGIS, so plain Python can test it."""
