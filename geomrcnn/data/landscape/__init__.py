"""Synthetic farmland: an orthophoto nobody took, with the outlines of its fields."""

from geomrcnn.data.landscape.scene import Scene, Survey, landscape

__all__ = ["Scene", "Survey", "landscape"]
