"""Trains with whole batches on one CPU device, and in two parts each on two; tells how they differ.

A program of its own, for devices must be made before TensorFlow does anything else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from geomrcnn.network.weights.own import named_weights
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.devices import find_devices
from tests.training.tiny import fit, make_trainer

SETTINGS = {"steps": 2, "batch": 4, "tile": 64, "warmup_steps": 0, "learning_rate": 0.05}


def main(folder: Path) -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    results = []
    for devices, parts in ((1, 1), (None, 2)):
        place = find_devices(devices)
        config = TrainingConfig(**SETTINGS, accumulate=parts)
        trainer = make_trainer(folder / f"by {parts}", config, place)
        results.append((fit(trainer), named_weights(trainer.model)))
    (rows, weights), (others, other_weights) = results
    loss = max(
        abs(other[k] / row[k] - 1) for row, other in zip(rows, others, strict=True) for k in row
    )
    weight = max(
        np.abs(other_weights[k] - v).max() / np.abs(v).max() for k, v in weights.items() if v.any()
    )
    devices = place.strategy.num_replicas_in_sync
    print(json.dumps({"devices": devices, "loss": float(loss), "weight": float(weight)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
