"""A graph that draws no masks of what scores too low to count."""

from __future__ import annotations

import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import of_kind

ANY = np.float32(-np.inf)
"""A least score that leaves out nothing."""

SCORE_THRESHOLD = 4
"""Where that is among the inputs of a non-maximum suppression."""


def ask_for_least_score(graph: openvino.Model) -> None:
    """Give a detection graph a second input, the score above which it reports objects.

    It works where the boxes to report are chosen. Since the better scored ones are chosen first,
    those that are left stay as they were. In a town, half of what a network reports by itself
    scores too low to count, and drawing masks is most of its work there.

    Args:
        graph: As `geomrcnn.network.export` makes it, changed in place.
    """
    least = ops.parameter([], np.float32, "least_score")
    choices = list(of_kind(graph, "NonMaxSuppression"))
    for choice in choices[-1:]:  # that of proposals comes before; a stand-in may have none
        choice.input(SCORE_THRESHOLD).replace_source_output(least.output(0))
    graph.add_parameters([least])
    graph.validate_nodes_and_infer_types()
