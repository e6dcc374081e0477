"""Trains on one and on two CPU devices, whole batches and parts; prints how far results differ.

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
    runs = {}
    for name, devices, parts in (("one", 1, 1), ("two", None, 1), ("parts", 1, 2)):
        place = find_devices(devices)
        config = TrainingConfig(**SETTINGS, accumulate=parts)
        trainer = make_trainer(folder / name, config, place)
        rows = fit(trainer)
        runs[name] = rows, named_weights(trainer.model), place.strategy.num_replicas_in_sync
    rows, weights, _ = runs.pop("one")
    for name, (its_rows, its_weights, replicas) in runs.items():
        losses = max(abs(a[k] / b[k] - 1) for a, b in zip(its_rows, rows, strict=True) for k in b)
        weight = max(
            np.abs(its_weights[k] - v).max() / np.abs(v).max()
            for k, v in weights.items()
            if v.any()
        )
        print(json.dumps({"name": name, "devices": replicas, "loss": losses, "weight": weight}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
