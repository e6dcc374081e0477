"""A network as a graph for other runtimes, from pixels to detections.

Every graph takes "images" [1, H, W, bands] of raw pixel values and gives the outputs `OUTPUTS` by
name. Boxes, RoIAlign and suppression of doubles are inside. ONNX, LiteRT and SavedModel have a
module each, which their users import, as each needs a package of its own.
"""

from geomrcnn.network.export.folding import fold_batch_norms
from geomrcnn.network.export.openvino import openvino_graph
from geomrcnn.network.export.tracing import OUTPUTS

__all__ = ["OUTPUTS", "fold_batch_norms", "openvino_graph"]
