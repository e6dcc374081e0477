"""From a network in memory to a bundle. Needs TensorFlow, unlike the rest of this room."""

from __future__ import annotations

from pathlib import Path

from geomrcnn.bundle.bundle import as_kept, write_bundle
from geomrcnn.bundle.card import ModelCard
from geomrcnn.network.export import fold_batch_norms, openvino_graph
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.own import assign_weights, named_weights


def write_model(model: MaskRCNN, card: ModelCard, path: Path) -> None:
    """Write a bundle of `model`, whose weights are rounded to what the bundle keeps."""
    # The bundle rounds kernels; export what it will keep, so that both runtimes run the same.
    fold_batch_norms(model.backbone)
    weights = as_kept(named_weights(model))
    assign_weights(model, weights, str(path))
    write_bundle(path, card, model.config.to_dict(), weights, {"fp32": openvino_graph(model)})
