"""The same network here and in torchvision: scripts/bench peers.

Mask R-CNN with ResNet-50 and a feature pyramid, 91 classes, an image of 1024 × 1024 pixels, 1,000
proposals, 100 objects with their masks. torchvision runs on CPU torch; its weights are read by
`geomrcnn weights import`'s reader, and the graph that OpenVINO runs in float32 and int8 has its
geometry, so that both do the same work on the same numbers.

Torch is no dependency of this project. An environment with it is made by

    python -m venv peers && peers/bin/pip install torch torchvision

and named by --python peers/bin/python. Without it, torchvision's time is taken to be 4.8 times that
of our own backbone and pyramid in float32: what was once measured, on two cores with AVX-512.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from scripts.benchmarks.common.alone import alone
from scripts.benchmarks.common.profiling import Profile, profile
from scripts.benchmarks.common.tables import markdown, report, write_json
from scripts.benchmarks.network import farmland, in_int8

CHILD = Path(__file__).parent / "common" / "torchvision_child.py"
TIMES_TRUNK = 8.2 / 1.7
"""torchvision's whole network over our backbone and pyramid, as measured once."""
WANTED = {"fp32": 1 / 2.5, "int8": 1 / 8}
"""The share of torchvision's time that we want to need at most."""
ROUNDS = 3
"""In which all take turns, for a machine's speed may drift."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """What torchvision took, in milliseconds.

    Attributes:
        whole: From the image to the masks in it.
        pasting: That part of it in which masks of 28 × 28 are brought into the image.
        proposals: RoIs that the box head saw.
        detections: Objects that were reported.
        told: In what versions and how many threads, or whence the figure is.
    """

    whole: float
    pasting: float | None
    proposals: int | None
    detections: int | None
    told: str


@click.command()
@click.option("--python", default=sys.executable, metavar="PATH",
              help="Interpreter that has torch and torchvision. Default: this one.")  # fmt: skip
@click.option("--tile", default=1024, show_default=True, help="Side of the image in pixels.")
@click.option("--precision", "precisions", multiple=True, type=click.Choice(sorted(WANTED)),
              default=sorted(WANTED), show_default=True,
              help="int8 takes some minutes to calibrate.")  # fmt: skip
@click.option("--runs", default=5, show_default=True,
              help=f"In each of {ROUNDS} rounds; the middle one counts.")  # fmt: skip
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(python: str, tile: int, precisions: tuple[str, ...], runs: int, out: Path | None) -> None:
    """Print a row for each, with its share of torchvision's time."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pth"
        missing = has_not(python)
        if not missing:
            subprocess.run([python, CHILD, "weights", weights], check=True)
        graphs, least_score = alone(graphs_of, None if missing else weights, tile, precisions)
        theirs: list[dict[str, Any]] = []
        rounds: dict[str, list[Profile]] = {key: [] for key in graphs}
        for _ in range(ROUNDS):
            if not missing:
                theirs.append(torchvision(python, weights, tile, least_score, runs))
            for key, graph in graphs.items():
                rounds[key].append(alone(profile, *graph, farmland(tile), runs))
    ours = {key: middle(found) for key, found in rounds.items()}
    peer = measured(theirs) if theirs else reckoned(ours["fp32"], missing)
    report(
        f"R50-FPN at {tile} px beside torchvision", table(peer, ours), f"torchvision: {peer.told}."
    )
    figures = {key: dataclasses.asdict(_without_nodes(found)) for key, found in ours.items()}
    write_json(out, {"torchvision": dataclasses.asdict(peer), **figures})


def has_not(python: str) -> str:
    """Why an interpreter cannot run torchvision's network; empty if it can."""
    tried = subprocess.run(
        [python, "-c", "import torchvision; torchvision.ops.nms"], capture_output=True, text=True
    )
    lines = tried.stderr.strip().splitlines()
    return "" if tried.returncode == 0 else lines[-1] if lines else "it does not start"


def graphs_of(
    weights: Path | None, tile: int, precisions: Sequence[str]
) -> tuple[dict[str, tuple[bytes, bytes]], float]:
    """Our graphs by precision, and their least score. Imports TensorFlow.

    Args:
        weights: torchvision's; None takes random ones.
        tile: Side of the images.
        precisions: Those that are wanted; float32 is there in any case.
    """
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from geomrcnn.network.config import MaskRCNNConfig
    from geomrcnn.network.mask_rcnn import MaskRCNN
    from geomrcnn.network.weights.assign import load_weights
    from geomrcnn.network.weights.reading import read_foreign
    from scripts.benchmarks.common.busy import busy_network, exported, with_rivals

    image, sides = farmland(tile), {"image_min_side": tile, "image_max_side": tile}
    if weights is None:
        model = busy_network(MaskRCNNConfig.preset("torchvision", **sides), image)
    else:
        foreign = read_foreign(weights)
        model = MaskRCNN(foreign.config(**sides))
        load_weights(model, foreign.tensors, str(weights))
        model = with_rivals(model, image)
    graph = exported(model)
    graphs = {"fp32": graph}
    if "int8" in precisions:
        graphs["int8"] = in_int8(*graph)
    return graphs, model.config.score_threshold


def torchvision(
    python: str, weights: Path, tile: int, least_score: float, runs: int
) -> dict[str, Any]:
    """What the child found, in a process of the interpreter."""
    image = weights.with_name("image.npy")
    np.save(image, farmland(tile)[0])
    command = [python, CHILD, "run", weights, image, repr(float(least_score)), str(runs)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def middle(found: Sequence[Profile]) -> Profile:
    """The one that is neither quick nor slow."""
    return sorted(found, key=lambda each: each.whole)[len(found) // 2]


def measured(found: Sequence[Mapping[str, Any]]) -> Peer:
    """What it takes by all its runs."""
    whole, pasting = (
        [spent for each in found for spent in each[key]] for key in ("seconds", "pasting")
    )
    last = found[-1]
    return Peer(
        whole=1000 * statistics.median(whole),
        pasting=1000 * statistics.median(pasting),
        proposals=last["proposals"],
        detections=last["detections"],
        told=f"measured in this run, {last['versions']}, {last['threads']} threads",
    )


def reckoned(ours: Profile, missing: str) -> Peer:
    """What it would take, by the ratio that was measured once."""
    trunk = ours.stages["backbone + FPN"]
    told = (
        f"NOT measured in this run ({missing}), but {TIMES_TRUNK:.1f} times our own backbone and "
        f"pyramid in float32, {trunk:.0f} ms: the ratio of 8.2 s to 1.7 s that was measured once, "
        "on two cores with AVX-512"
    )
    return Peer(TIMES_TRUNK * trunk, None, None, None, told)


def table(peer: Peer, ours: Mapping[str, Profile]) -> str:
    """torchvision's row, without and with pasting, and ours."""
    head = ["", "ms", "of torchvision's", "times faster", "wanted", "RoIs", "found"]
    seen = ["–" if count is None else count for count in (peer.proposals, peer.detections)]
    rows = [["torchvision fp32", f"{peer.whole:.0f}", "1", "1", "", *seen]]
    if peer.pasting is not None:
        bare = peer.whole - peer.pasting
        name = "the same, masks left small as ours are"
        rows.append([name, f"{bare:.0f}", *_shares(bare, peer.whole), "", *seen])
    for precision, found in ours.items():
        shares = _shares(found.whole, peer.whole)
        verdict = "yes" if found.whole <= WANTED[precision] * peer.whole else "no"
        wanted = f"≤ {WANTED[precision]:.3f}: {verdict}"
        counts = [found.proposals, found.detections]
        rows.append([f"geomrcnn {precision}", f"{found.whole:.0f}", *shares, wanted, *counts])
    return markdown(head, rows)


def _shares(spent: float, whole: float) -> tuple[str, str]:
    return f"{spent / whole:.3f}", f"{whole / spent:.1f}"


def _without_nodes(found: Profile) -> Profile:
    return dataclasses.replace(found, nodes=())


if __name__ == "__main__":
    main()
