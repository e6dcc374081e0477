"""Several devices and several hosts give what one device gives with the whole batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.errors import DataError
from geomrcnn.network.weights.own import named_weights
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.devices import Place, find_devices
from geomrcnn.training.initialise import trained_network
from geomrcnn.training.train import train

ROOT = Path(__file__).parents[2]


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    try:
        out, errors = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    return out


def test_two_devices_in_two_parts_each_equal_one_device_with_the_whole_batch(tmp_path):
    said = output(start(Path(__file__).with_name("on_two_devices.py"), tmp_path))
    result = json.loads(said.splitlines()[-1])
    assert result["devices"] == 2
    assert result["loss"] < 1e-4
    assert result["weight"] < 1e-4


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_two_hosts_train_as_one(tmp_path):
    """The command of the user on two hosts with one file system, against one host."""
    write_dataset(tmp_path / "scenes", 2, 96, 4.0, seed=1, overwrite=False)
    network = {
        "pyramid_channels": 16,
        "box_units": [16],
        "train_rois": 16,
        "mask_convolutions": 1,
        "train_proposals": 50,
    }
    options = ["--gsd=4", "--init=none", "--steps=2", "--batch=2", "--tile=64"]
    options += [f"--set={name}={json.dumps(value)}" for name, value in network.items()]
    workers = [f"localhost:{port}" for port in free_ports(2)]
    hosts = [
        start(
            *("-m", "geomrcnn", "train", tmp_path / "scenes", *options),
            *("--out", tmp_path / "hosts"),
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]
    train(
        [tmp_path / "scenes"],
        tmp_path / "alone",
        gsd=4,
        init="none",
        network={**network, "box_units": (16,)},
        training=TrainingConfig(steps=2, batch=2, tile=64, warmup_steps=0),
        bundle=False,
        say=lambda line: None,
    )
    said = [output(host) for host in hosts]
    assert "step 2/2" in said[0]
    assert not said[1]
    alone = named_weights(trained_network(tmp_path / "alone"))
    together = named_weights(trained_network(tmp_path / "hosts"))
    for name, value in alone.items():
        scale = max(np.abs(value).max(), 1e-3)
        np.testing.assert_allclose(together[name], value, atol=1e-4 * scale, err_msg=name)


def test_rows_are_shared_in_order():
    class Strategy:
        num_replicas_in_sync = 4

    places = [Place(Strategy(), first=first, devices=2) for first in (0, 2)]
    assert [place.rows(8) for place in places] == [range(4), range(4, 8)]
    assert [place.is_chief for place in places] == [True, False]
    with pytest.raises(DataError, match=r"6 tiles.*4 devices"):
        places[0].rows(6)


def test_more_devices_than_there_are(monkeypatch):
    count = len(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))
    with pytest.raises(DataError, match=f"there are {count}"):
        find_devices(count + 1)
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(DataError, match="TF_CONFIG"):
        find_devices()
