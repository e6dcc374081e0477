"""The devices and hosts a run is spread over, by tf.distribute."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from geomrcnn.errors import DataError


class Place(NamedTuple):
    """Where this process stands among all devices of a run.

    strategy: What variables and steps are spread by.
    first: Number of its first device among those of all hosts.
    devices: How many it has, which come one after the other.
    """

    strategy: tf.distribute.Strategy
    first: int = 0
    devices: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes files and speaks."""
        return self.first == 0

    @property
    def hosts(self) -> int:
        """How many processes share each batch."""
        return int(self.strategy.num_replicas_in_sync) // self.devices

    def rows(self, batch: int) -> range:
        """Which tiles of a batch this process makes and its devices take, in order.

        Raises:
            DataError: the batch cannot be shared out evenly.
        """
        replicas = self.strategy.num_replicas_in_sync
        if batch % replicas:
            raise DataError(
                f"a batch of {batch} tiles cannot be shared by {replicas} devices: choose a "
                f"multiple of {replicas}, or fewer devices"
            )
        each = batch // replicas
        return range(self.first * each, (self.first + self.devices) * each)


def find_devices(count: int | None = None) -> Place:
    """All GPUs, or all CPU devices where there is none; of every host if there are several.

    Several hosts are described by the environment variable TF_CONFIG, as TensorFlow's guide on
    distributed training says, and every host runs the same command; this must then be called
    before anything else is done with TensorFlow. Without a GPU, TensorFlow is made to compute the
    same numbers each time; on GPUs it cannot, for want of a deterministic RoIAlign gradient.

    Args:
        count: How many devices of this host to use; None is all.

    Raises:
        DataError: there are not so many, or TF_CONFIG cannot be read.
    """
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        tf.config.experimental.enable_op_determinism()
    if "TF_CONFIG" in os.environ:
        return _placed(_several_hosts(count))
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    if count is not None and not 1 <= count <= len(found):
        raise DataError(f"--devices {count}: there are {len(found)} ({kind})")
    chosen = found[:count]
    if len(chosen) == 1:
        return Place(tf.distribute.get_strategy())
    return _placed(tf.distribute.MirroredStrategy(chosen))


def device_names() -> list[str]:
    """The processors and GPUs that TensorFlow sees, with their models where it knows them."""
    names = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        model = details.get("device_name")
        name = device.name.removeprefix("/physical_device:")
        names.append(f"{name}: {model}" if model else name)
    return names


def _several_hosts(count: int | None) -> tf.distribute.Strategy:
    if count is not None:
        raise DataError("--devices: with TF_CONFIG every device of every host is used")
    try:
        json.loads(os.environ["TF_CONFIG"])["cluster"]
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"TF_CONFIG does not describe a cluster: {error}") from error


def _placed(strategy: tf.distribute.Strategy) -> Place:
    spread = tf.function(lambda: strategy.run(_replica_number))
    numbers = strategy.experimental_local_results(spread())
    return Place(strategy, int(numbers[0]), len(numbers))


def _replica_number() -> tf.Tensor:
    return tf.convert_to_tensor(tf.distribute.get_replica_context().replica_id_in_sync_group)


def update(
    variables: Sequence[tf.Variable], function: Callable[..., object], *columns: Sequence[Any]
) -> None:
    """Call `function`(variable, *row of columns) for the copies of variables on every device.

    For use within a replica. Values that are spread over devices arrive as the part of the
    device.
    """

    def merged(strategy: tf.distribute.Strategy, *columns: Sequence[Any]) -> None:
        for variable, *row in zip(variables, *columns, strict=True):
            strategy.extended.update(variable, function, args=tuple(row), group=False)

    tf.distribute.get_replica_context().merge_call(merged, args=columns)


def assign(variables: Sequence[tf.Variable], values: Sequence[tf.Tensor]) -> None:
    """Set the copies of variables on every device. For use within a replica."""
    update(variables, lambda variable, value: variable.assign(value), values)


def total(values: Any) -> Any:
    """The sum over all devices of a tensor or list of tensors. For use within a replica."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def gathered(values: tf.Tensor) -> tf.Tensor:
    """Tensors of all devices joined along the first axis. For use within a replica."""
    return tf.distribute.get_replica_context().all_gather(values, axis=0)
