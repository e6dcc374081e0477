"""A bundle's OpenVINO graphs as files of their own, or in a new bundle."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino

from geomrcnn.bundle.bundle import Bundle, write_bundle
from geomrcnn.bundle.quantisation import Quantisation
from geomrcnn.export.size import array_side
from geomrcnn.formats.destination import written_beside
from geomrcnn.network.graph_file import graph_files


def write_openvino(
    bundle: Bundle,
    path: Path,
    tile: int | None,
    precision: str,
    calibrate: Sequence[str | os.PathLike[str]],
) -> None:
    """Write .xml and .bin of the graph of a precision, or a bundle; arguments as for `export`."""
    images: list[np.ndarray] = []
    if calibrate:
        import nncf  # noqa: F401 - missing, it is missed before the work

        from geomrcnn.export.calibration import calibration_images

        images = calibration_images(bundle, calibrate, tile)
    if path.suffix == ".zip":
        card = dataclasses.replace(bundle.card, name=path.stem)
        write_with_int8(dataclasses.replace(bundle, card=card), path, images)
        return
    graph = quantise(bundle, images)[0] if images else _graph(bundle, precision)
    if tile:
        side = array_side(bundle, tile)
        graph.reshape([1, side, side, len(bundle.card.bands)])
    xml, values = graph_files(graph)
    with written_beside(path.with_suffix(".bin")) as weights, written_beside(path) as partial:
        weights.write_bytes(values)
        partial.write_bytes(xml)


def write_with_int8(bundle: Bundle, path: Path, images: Sequence[np.ndarray]) -> None:
    """Write a bundle again with a graph in int8; `path` may be its own.

    Args:
        bundle: The bundle.
        path: The file to write.
        images: What the graph sees in practice, to calibrate with; without any, the graphs stay
            those that there are.

    Raises:
        ModelError: it has no float32 graph to start from.
    """
    graphs = {key: graph_files(_graph(bundle, key)) for key in bundle.precisions}
    card = dataclasses.replace(bundle.card, precision="fp32")
    if images:
        graph, made = quantise(bundle, images)
        graphs["int8"] = graph_files(graph)
        card = dataclasses.replace(card, quantisation=made)
    write_bundle(path, card, bundle.network(), bundle.weights(), graphs)


def quantise(bundle: Bundle, images: Sequence[np.ndarray]) -> tuple[openvino.Model, Quantisation]:
    """The bundle's graph in int8; see `geomrcnn.export.int8.quantised`."""
    from geomrcnn.export.int8 import quantised

    return quantised(_graph(bundle, "fp32"), images)


def _graph(bundle: Bundle, precision: str) -> openvino.Model:
    return openvino.Core().read_model(*bundle.openvino(precision))
