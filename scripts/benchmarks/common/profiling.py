"""How long a graph takes in OpenVINO, in all and by stage."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import openvino

from geomrcnn.runtime.graph import make_quick
from scripts.benchmarks.common.graph_stages import STAGES, stages_of

UNSEEN = 2
"""Runs left out: they fill caches of kernels for the shapes that turn up."""


@dataclass(frozen=True)
class Profile:
    """Of one graph and one image; milliseconds of the middle one of several runs.

    Attributes:
        whole: By the clock, when nothing else is measured.
        stages: Sums over the nodes of each of `STAGES`, as OpenVINO counts them.
        nodes: (name, stage, type, milliseconds) of the dearest, falling.
        proposals: RoIs that the box head saw.
        detections: Objects that were reported.
    """

    whole: float
    stages: Mapping[str, float]
    nodes: tuple[tuple[str, str, str, float], ...]
    proposals: int
    detections: int

    @property
    def explained(self) -> float:
        """What the stages make together, as a share of the whole."""
        return sum(self.stages.values()) / self.whole


def profile(xml: bytes, weights: bytes, image: np.ndarray, runs: int) -> Profile:
    """Run a graph on an image [1, H, W, bands], float32.

    Args:
        xml: The graph.
        weights: Its weights.
        image: What it sees.
        runs: How often, without those that are left out, and again for the profile.
    """
    graph = openvino.Core().read_model(xml, weights)
    make_quick(graph, image.shape)
    plain = compiled(graph)
    whole, found = _whole(plain, image, runs)
    del plain  # the next one takes as much memory
    counting = compiled(graph, PERF_COUNT=True)
    times, kinds = _by_node(counting, image, runs)
    stage_of = stages_of(counting)
    stages = dict.fromkeys(STAGES, 0.0)
    for name, spent in times.items():
        stages[stage_of[name]] += spent
    dearest = sorted(times, key=lambda name: -times[name])
    nodes = tuple((name, stage_of[name], kinds[name], times[name]) for name in dearest)
    return Profile(whole, stages, nodes, count_proposals(graph, image), found)


def compiled(graph: openvino.Model, **settings: object) -> openvino.CompiledModel:
    """Ready to run as `predict` does; what is not in int8 computes in float32."""
    hints = {"INFERENCE_PRECISION_HINT": "f32", **settings}
    return openvino.Core().compile_model(graph, "CPU", hints)


def count_proposals(graph: openvino.Model, image: np.ndarray) -> int:
    """How many RoIs the box head sees: a graph tells of detections only."""
    more = graph.clone()
    first = next(n for n in more.get_ordered_ops() if n.get_type_name() == "NonMaxSuppression")
    # The third output is the number of boxes that are kept.
    more.add_outputs(first.output(2))[0].get_tensor().set_names({"proposals"})
    return int(compiled(more)(image)["proposals"].item())


def _whole(detect: openvino.CompiledModel, image: np.ndarray, runs: int) -> tuple[float, int]:
    """Milliseconds, and the number of detections."""
    spent = []
    for _ in range(UNSEEN + runs):
        began = time.perf_counter()
        found = detect(image)
        spent.append(time.perf_counter() - began)
    return 1000 * statistics.median(spent[UNSEEN:]), len(found["scores"])


def _by_node(
    detect: openvino.CompiledModel, image: np.ndarray, runs: int
) -> tuple[dict[str, float], dict[str, str]]:
    """Milliseconds and type of every node that ran, by its name."""
    request = detect.create_infer_request()
    spent: dict[str, list[float]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for run in range(UNSEEN + runs):
        request.infer([image], share_inputs=True)
        for node in request.get_profiling_info():
            if run >= UNSEEN and node.status == openvino.ProfilingInfo.Status.EXECUTED:
                spent[node.node_name].append(1000 * node.real_time.total_seconds())
                kinds[node.node_name] = f"{node.node_type} ({node.exec_type})"
    return {name: statistics.median(each) for name, each in spent.items()}, kinds
