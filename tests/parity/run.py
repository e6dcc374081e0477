"""From a fixture to the table: its weights through a real file, its image through the network."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.resizing import frame_for, place
from geomrcnn.network.weights.assign import load_weights
from geomrcnn.network.weights.foreign import Foreign
from geomrcnn.network.weights.reading import read_foreign
from tests.oracles.matterport_file import write_matterport
from tests.oracles.torch_file import state_dict, write_zip
from tests.parity import matterport, torchvision
from tests.parity.comparison import Row
from tests.parity.fixture import Fixture
from tests.parity.outputs import Outputs


def parity(path: Path) -> list[Row]:
    """Every recorded stage of a fixture against ours.

    The weights are written to a file of the reference's own format and read by the public loader.
    """
    fixture = Fixture(path)
    reference = matterport if fixture.is_matterport else torchvision
    with tempfile.TemporaryDirectory() as folder:
        foreign = _through_a_file(fixture, Path(folder))
    config = foreign.config(**reference.config_changes(fixture.made_with))
    model = MaskRCNN(config)
    load_weights(model, foreign.tensors, str(path), foreign.left_over)
    return reference.rows(fixture, _outputs(model, fixture.recorded["image"]))


def _through_a_file(fixture: Fixture, folder: Path) -> Foreign:
    if fixture.is_matterport:
        return read_foreign(write_matterport(folder / "weights.h5", dict(fixture.weights())))
    return read_foreign(write_zip(folder / "weights.pth", state_dict(dict(fixture.weights()))))


def _outputs(model: MaskRCNN, image: np.ndarray) -> Outputs:
    config = model.config
    frame = frame_for(config, *image.shape[:2])
    array = tf.constant(place(image, frame, config, whole_numbers=True)[None])
    stages = model.stages(array, tf.constant(frame.window[None]))
    mask_logits = model.mask_head.logits(stages.mask_cells).numpy()
    return Outputs(config, frame, stages, model.objects(stages), mask_logits)
