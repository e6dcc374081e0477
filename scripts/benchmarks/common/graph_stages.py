"""Which stage of the network each node of a compiled OpenVINO graph belongs to.

A compiled graph is another than the one that was exported: nodes are fused, layouts are changed,
and names are lost. So stages are told by what the nodes need, from landmarks that every graph has:
the two suppressions of doubles, the RoI poolings, and the layers with weights. Whatever a landmark
needs, and none before it, belongs to its stage.
"""

from __future__ import annotations

from collections.abc import Iterable

import openvino

STAGES = (
    "backbone + FPN",
    "RPN",
    "proposals",
    "box RoIAlign",
    "box head",
    "detections",
    "mask RoIAlign",
    "mask head",
)
CONVOLUTIONS = {"Convolution"}
MAPS = CONVOLUTIONS | {"DepthToSpace"}
"""What gives the maps that RoIs are read from: Winograd's convolutions end with the latter."""
PRODUCTS = {"FullyConnected", "MatMul"}


def stages_of(compiled: openvino.CompiledModel) -> dict[str, str]:
    """The stage of every node, one of `STAGES`, by the name it has in profiles."""
    nodes = _Nodes(compiled.get_runtime_model())
    proposing, detecting = nodes.of({"NonMaxSuppression"})
    to_proposals, to_detections = nodes.above([proposing]), nodes.above([detecting])
    trunk = nodes.above(nodes.nearest(pool, MAPS) for pool in nodes.of({"ROIPooling"}))
    convolutions = nodes.of(CONVOLUTIONS)
    products = [node for node in nodes.of(PRODUCTS) if node in to_detections]
    mask = next(node for node in convolutions if node not in to_detections | trunk)
    ends = (
        trunk,
        nodes.above(node for node in convolutions if node in to_proposals),
        to_proposals,
        nodes.above([products[0]]) - {products[0]},
        nodes.above(products),
        to_detections,
        nodes.above([mask]) - {mask},
        nodes.ordered,
    )
    found: dict[str, str] = {}
    for stage, needed in zip(STAGES, ends, strict=True):
        for name in needed:
            found.setdefault(name, stage)
    return found


class _Nodes:
    """The nodes of an executed graph by name, in an order in which they can be computed."""

    def __init__(self, graph: openvino.Model) -> None:
        self.ordered: list[str] = []
        self._kinds: dict[str, str] = {}
        self._above: dict[str, set[str]] = {}
        self._first: dict[str, str | None] = {}
        for node in graph.get_ordered_ops():
            name = node.get_friendly_name()
            sources = [value.get_node().get_friendly_name() for value in node.input_values()]
            self.ordered.append(name)
            self._kinds[name] = kind_of(node)
            self._above[name] = {name}.union(*(self._above[source] for source in sources))
            self._first[name] = sources[0] if sources else None

    def of(self, kinds: set[str]) -> list[str]:
        """The nodes of some kinds."""
        return [name for name in self.ordered if self._kinds[name] in kinds]

    def above(self, names: Iterable[str]) -> set[str]:
        """These nodes and all that they need."""
        return set().union(*(self._above[name] for name in names))

    def nearest(self, name: str, kinds: set[str]) -> str:
        """The nearest node of some kinds, going from first input to first input."""
        above: str | None = name
        while above is not None and self._kinds[above] not in kinds:
            above = self._first[above]
        if above is None:
            raise ValueError(f"{name} is fed by no {' or '.join(kinds)}")
        return above


def kind_of(node: openvino.Node) -> str:
    """What a node of an executed graph is: "Convolution", "Reorder" ..."""
    return str(node.get_rt_info()["layerType"].value)
