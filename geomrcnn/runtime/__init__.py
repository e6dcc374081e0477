"""Running a trained network on tiles."""

from geomrcnn.runtime.detector import Detections, Detector, Model
from geomrcnn.runtime.load import load_detector

__all__ = ["Detections", "Detector", "Model", "load_detector"]
