"""Where the time of the network goes: scripts/bench network.

Each backbone gets random weights under which it is as busy as a trained network, is exported as for
a bundle, quantised, and run by OpenVINO, which counts the time of every node of its graph; the sums
over a stage's nodes are printed, beside the time of the whole without that counting. A model that
is trained, shipped or your own, can be looked at in the same way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape import landscape
from geomrcnn.network.config import BACKBONE_NAMES
from geomrcnn.network.resizing import frame_for
from scripts.benchmarks.common.alone import alone
from scripts.benchmarks.common.graph_stages import STAGES
from scripts.benchmarks.common.profiling import Profile, profile
from scripts.benchmarks.common.tables import markdown, report, write_json

PRECISIONS = ("fp32", "int8")
CALIBRATION, CALIBRATION_SIDE = 4, 512
"""Images that int8 of networks that are not trained is calibrated with, and their side."""
GSD = 2.0
"""Of the synthetic farmland that networks see, in metres."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One row: a network in a precision at a size of tile."""

    network: str
    precision: str
    tile: int
    found: Profile


@click.command()
@click.option("--backbone", "backbones", multiple=True, type=click.Choice(BACKBONE_NAMES),
              help="Default: all. May be given again, as all that follow.")  # fmt: skip
@click.option("--model", "models", multiple=True, metavar="NAME|PATH",
              help="A trained model in place of backbones, with its own numbers.")  # fmt: skip
@click.option("--tile", "tiles", multiple=True, type=int, default=(512, 1024), show_default=True,
              help="Side, a multiple of 32.")  # fmt: skip
@click.option("--precision", "precisions", multiple=True, type=click.Choice(PRECISIONS),
              default=PRECISIONS, show_default=True)  # fmt: skip
@click.option("--detections", "wanted", multiple=True, type=int, default=(100,), show_default=True,
              help="Objects in the tile.")  # fmt: skip
@click.option("--proposals", default=1000, show_default=True)
@click.option("--runs", default=10, show_default=True, help="Of which the middle one counts.")
@click.option("--nodes", default=0, show_default=True, help="Print as many of the dearest nodes.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(
    backbones: tuple[str, ...],
    models: tuple[str, ...],
    tiles: tuple[int, ...],
    precisions: tuple[str, ...],
    wanted: tuple[int, ...],
    proposals: int,
    runs: int,
    nodes: int,
    out: Path | None,
) -> None:
    """Print a row for each network, precision and size of tile, in milliseconds."""
    cases: list[Case] = []
    for backbone in backbones or (() if models else BACKBONE_NAMES):
        for count in wanted:
            cases += alone(of_backbone, backbone, precisions, tiles, proposals, count, runs)
    for model in models:
        cases += alone(of_model, model, precisions, tiles, runs)
    report("The network, by stage", "Milliseconds for one tile.", table(cases))
    for case in cases if nodes else ():
        click.echo(f"{case.network}, {case.precision}, {case.tile} px: the dearest nodes\n")
        click.echo(f"{dearest(case.found, nodes)}\n")
    # A graph has hundreds of nodes.
    write_json(out, [dataclasses.asdict(_shortened(case, max(nodes, 10))) for case in cases])


def of_backbone(
    backbone: str,
    precisions: Sequence[str],
    tiles: Sequence[int],
    proposals: int,
    detections: int,
    runs: int,
) -> list[Case]:
    """A network that is not trained. Imports TensorFlow."""
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from scripts.benchmarks.common.busy import busy_network, config_for, exported

    config = config_for(backbone, proposals, detections)
    graphs = {"fp32": exported(busy_network(config, farmland(max(tiles))))}
    if "int8" in precisions:
        graphs["int8"] = in_int8(*graphs["fp32"])
    return [
        Case(backbone, precision, tile, profile(*graphs[precision], farmland(tile), runs))
        for tile in tiles
        for precision in precisions
    ]


def of_model(model: str, precisions: Sequence[str], tiles: Sequence[int], runs: int) -> list[Case]:
    """A bundle, in those of the precisions that it has."""
    bundle = Bundle.open(model)
    cases = []
    for tile in tiles:
        side = max(frame_for(bundle.config(), tile, tile).array)
        for precision in [key for key in precisions if key in bundle.precisions]:
            found = profile(*bundle.openvino(precision), farmland(side), runs)
            cases.append(Case(bundle.card.name, precision, tile, found))
    return cases


def in_int8(xml: bytes, weights: bytes) -> tuple[bytes, bytes]:
    """A graph quantised as bundles are; no layer goes back to float32 for its harm."""
    import openvino

    from geomrcnn.export.int8 import quantised
    from geomrcnn.network.graph_file import graph_files

    images = [farmland(CALIBRATION_SIDE, seed) for seed in range(CALIBRATION)]
    graph, _ = quantised(openvino.Core().read_model(xml, weights), images, drop=1.0)
    return graph_files(graph)


def farmland(side: int, seed: int = 1) -> np.ndarray:
    """Synthetic farmland as networks want it, [1, side, side, 3] float32."""
    return landscape(seed, (side, side), GSD).image[None].astype(np.float32)


def table(cases: Sequence[Case]) -> str:
    """A row a case."""
    head = ["network", "precision", "tile", *STAGES, "sum", "whole", "sum / whole", "RoIs", "found"]
    rows = [
        [
            case.network,
            case.precision,
            case.tile,
            *(f"{spent:.1f}" for spent in case.found.stages.values()),
            f"{sum(case.found.stages.values()):.0f}",
            f"{case.found.whole:.0f}",
            f"{case.found.explained:.1%}",
            case.found.proposals,
            case.found.detections,
        ]
        for case in cases
    ]
    return markdown(head, rows)


def dearest(found: Profile, count: int) -> str:
    """A row a node."""
    total = sum(found.stages.values())
    rows = [
        [f"`{name[-60:]}`", stage, kind, f"{spent:.1f}", f"{spent / total:.1%}"]
        for name, stage, kind, spent in found.nodes[:count]
    ]
    return markdown(["node", "stage", "type", "ms", "share"], rows)


def _shortened(case: Case, count: int) -> Case:
    found: Any = dataclasses.replace(case.found, nodes=case.found.nodes[:count])
    return dataclasses.replace(case, found=found)


if __name__ == "__main__":
    main()
