"""Training throughput: scripts/bench train.

Trains each network for a few steps on synthetic farmland, in a process of its own, and prints
images a second (of the middle one of the steps that count) and the peak memory of the process. The
data is made on the same cores, as in any training.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click

NETWORKS = {
    "EfficientNet-Lite0": ("light", "efficientnet-lite0"),
    "EfficientNet-Lite2": ("light", "efficientnet-lite2"),
    "ResNet-50": ("resnet50", "resnet50"),
    "ResNet-101": ("resnet101", "resnet101"),
}
"""Preset and backbone by name."""
UNSEEN = 2
"""Steps left out: the first is spent on tracing, the next may be spent on filling queues."""


class Measured(NamedTuple):
    """Of one network at one size."""

    images_a_second: float
    gigabytes: float


class Seconds:
    """Keeps the time of each step."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def step(self, step: int, values: dict[str, float]) -> None:
        """Take in a step."""
        self.steps.append(values["seconds"])


@click.command()
@click.option("--tile", "tiles", multiple=True, type=int, default=(512, 1024), show_default=True)
@click.option("--network", "names", multiple=True, type=click.Choice(list(NETWORKS)))
@click.option("--batch", default=2, show_default=True, help="Tiles a step.")
@click.option("--steps", default=6, show_default=True, help=f"The first {UNSEEN} do not count.")
def main(tiles: tuple[int, ...], names: tuple[str, ...], batch: int, steps: int) -> None:
    """Print a table: a row for each network, two columns for each size of tile."""
    if steps <= UNSEEN:
        raise click.BadParameter(f"must be more than {UNSEEN}", param_hint="--steps")
    from geomrcnn.data.landscape.write import write_dataset

    columns = [f"{tile} px: images/s | {tile} px: peak memory" for tile in tiles]
    click.echo(f"Training on {os.cpu_count()} cores, {batch} tiles a step\n")
    click.echo(f"| network | {' | '.join(columns)} |")
    click.echo("|---" * (1 + 2 * len(tiles)) + "|")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "farmland"
        write_dataset(data, scenes=2, size=1536, gsd=2.0, seed=0, overwrite=False)
        for name in names or NETWORKS:
            cells = []
            for tile in tiles:
                done = alone(data / "coco.json", *NETWORKS[name], tile, batch, steps)
                cells.append(f"{done.images_a_second:.2f} | {done.gigabytes:.1f} GB")
            click.echo(f"| {name} | {' | '.join(cells)} |")


def alone(*arguments: object) -> Measured:
    """`measure` in a process that does nothing else."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(measure, *arguments).result()


def measure(coco: Path, preset: str, backbone: str, tile: int, batch: int, steps: int) -> Measured:
    """Train for `steps` steps."""
    from geomrcnn.data.augmentation import Augmentation
    from geomrcnn.data.coco import CocoDataset
    from geomrcnn.data.pipeline import training_batches
    from geomrcnn.network.config import MaskRCNNConfig
    from geomrcnn.network.mask_rcnn import MaskRCNN
    from geomrcnn.training.config import TrainingConfig
    from geomrcnn.training.trainer import Trainer

    dataset = CocoDataset(coco)
    config = MaskRCNNConfig.preset(preset, backbone=backbone, classes=len(dataset.classes))
    training = TrainingConfig(steps=steps, tile=tile, batch=batch, checkpoint_steps=steps)
    seconds = Seconds()
    with tempfile.TemporaryDirectory() as folder:
        Trainer(MaskRCNN(config), training, Path(folder)).fit(
            lambda step: training_batches(
                dataset, tile=tile, batch=batch, augmentation=Augmentation(), seed=0
            ),
            seconds,
        )
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others kilobytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return Measured(batch / statistics.median(seconds.steps[UNSEEN:]), peak)


if __name__ == "__main__":
    main()
