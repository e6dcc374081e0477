"""A bundle's OpenVINO graph as files of its own, or in int8 as a new bundle."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import openvino

from geomrcnn.bundle.bundle import Bundle, write_bundle
from geomrcnn.export.size import array_side
from geomrcnn.formats.destination import written_beside


def write_openvino(
    bundle: Bundle, path: Path, tile: int | None, calibrate: Sequence[str | os.PathLike[str]]
) -> None:
    """Write .xml and .bin, or a bundle; arguments as for `export`."""
    graph = openvino.Core().read_model(*bundle.openvino())
    if tile:
        side = array_side(bundle, tile)
        graph.reshape([1, side, side, len(bundle.card.bands)])
    precision = bundle.card.precision
    if calibrate:
        from geomrcnn.export.calibration import calibration_images
        from geomrcnn.export.int8 import quantised

        graph = quantised(graph, calibration_images(bundle, calibrate, tile))
        precision = "int8"
    if path.suffix == ".zip":
        card = dataclasses.replace(bundle.card, name=path.stem, precision=precision)
        write_bundle(path, card, bundle.network(), bundle.weights(), _as_bytes(graph))
        return
    weights = path.with_suffix(".bin")
    with written_beside(weights) as partial_weights, written_beside(path) as partial:
        openvino.serialize(graph, partial, partial_weights)


def _as_bytes(graph: openvino.Model) -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.serialize(graph, path)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()
