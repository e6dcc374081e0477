"""What Winograd's convolutions save on this processor: scripts/bench convolutions.

3×3 convolutions of the sizes that networks have are run by OpenVINO as they are, and as
`geomrcnn.runtime.graph.winograd` rewrites them, in turns. Printed are the milliseconds of one layer
and their ratio, the ratio that is reckoned to choose layers by, how much longer it takes to
compile, and by how much results are off on average, as a share of their spread, compared with the
exact ones at some places.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph import winograd
from scripts.benchmarks.common.profiling import compiled
from scripts.benchmarks.common.tables import markdown, report, write_json

SIZES = (
    (64, 256, 1), (128, 128, 1), (128, 256, 1), (256, 64, 1), (256, 128, 1),
    (256, 256, 1), (512, 32, 1), (128, 14, 100), (256, 14, 100),
)  # fmt: skip
"""Channels, side of the map, and number of maps: RoIs, if there are several."""
PLACES = 200
"""Where results are compared with exact ones."""
UNSEEN = 2
LAYERS = 2
"""In a row, so that what comes before the first and after the last counts less."""


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        channels: In and out.
        side: Of the map.
        maps: How many.
        plain: Milliseconds of a layer as it is.
        winograd: And after it was rewritten.
        ratio: The middle one of the ratios of neighbouring runs.
        reckoned: What it is taken for.
        compiling: Seconds more for a layer.
        off_plain: Root mean square of what a plain layer is off by, of the spread of results.
        off: And a rewritten one.
    """

    channels: int
    side: int
    maps: int
    plain: float
    winograd: float
    ratio: float
    reckoned: float
    compiling: float
    off_plain: float
    off: float


@click.command(help=__doc__)
@click.option("--runs", default=15, show_default=True, help="Of each, of which the middle counts.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(runs: int, out: Path | None) -> None:
    """Print a row for each size."""
    cases = [measure(*size, runs) for size in SIZES]
    report(
        "3×3 convolutions after Winograd",
        f"Chosen are those that by the reckoned ratio save {winograd.SAVED:.0e} products.",
        table(cases),
    )
    write_json(out, [asdict(case) for case in cases])


def measure(channels: int, side: int, maps: int, runs: int) -> Case:
    """Run layers as they are and rewritten, in turns."""
    random = np.random.default_rng(0)
    kernel = random.normal(0, math.sqrt(2 / (9 * channels)), (channels, channels, 3, 3))
    kernel = kernel.astype(np.float32)
    shape = [maps if maps == 1 else -1, channels, side, side]
    image = np.maximum(random.normal(size=(maps, *shape[1:])), 0).astype(np.float32)
    graphs = [layers(kernel, shape, LAYERS) for _ in range(2)]
    reckoned = winograd.reckoned_ratio(channels, channels, (side, side), rois=maps > 1)
    winograd.convolve_by_winograd(graphs[1], saved=-math.inf)
    requests, compiling = [], []
    for graph in graphs:
        began = time.perf_counter()
        requests.append(compiled(graph).create_infer_request())
        compiling.append((time.perf_counter() - began) / LAYERS)
    spent: list[list[float]] = [[], []]
    for _ in range(UNSEEN + runs):
        for request, each in zip(requests, spent, strict=True):
            began = time.perf_counter()
            request.infer([image], share_inputs=True, share_outputs=True)
            each.append(1000 * (time.perf_counter() - began) / LAYERS)
    plain, rewritten = (each[UNSEEN:] for each in spent)
    return Case(
        channels=channels,
        side=side,
        maps=maps,
        plain=statistics.median(plain),
        winograd=statistics.median(rewritten),
        ratio=statistics.median(b / a for a, b in zip(plain, rewritten, strict=True)),
        reckoned=reckoned,
        compiling=compiling[1] - compiling[0],
        off_plain=off(kernel, shape, image, rewrite=False),
        off=off(kernel, shape, image, rewrite=True),
    )


def layers(kernel: np.ndarray, shape: list[int], count: int) -> openvino.Model:
    """Convolutions in a row."""
    image = ops.parameter(shape, np.float32)
    last, factors = image, ops.constant(kernel)
    for _ in range(count):
        last = ops.relu(ops.convolution(last, factors, [1, 1], [1, 1], [1, 1], [1, 1]))
    return openvino.Model([last], [image])


def off(kernel: np.ndarray, shape: list[int], image: np.ndarray, *, rewrite: bool) -> float:
    """What a layer is off by at some places, as a share of the spread there."""
    graph = layers(kernel, shape, 1)
    if rewrite:
        winograd.convolve_by_winograd(graph, saved=-math.inf)
    found = compiled(graph)(image)[0]
    random = np.random.default_rng(1)
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1))).astype(np.float64)
    errors, exact = [], []
    for _ in range(PLACES):
        one, y, x = (int(random.integers(n)) for n in (len(image), *image.shape[2:]))
        window = padded[one, :, y : y + 3, x : x + 3]
        sums = np.maximum(np.tensordot(kernel.astype(np.float64), window, 3), 0)
        exact.append(sums)
        errors.append(found[one, :, y, x] - sums)
    return float(np.sqrt(np.mean(np.square(errors))) / np.std(exact))


def table(cases: list[Case]) -> str:
    """A row a case."""
    head = ["channels, map", "plain, ms", "Winograd, ms", "ratio", "reckoned", "compiling, s more",
            "plain, off by", "Winograd, off by"]  # fmt: skip
    rows = [
        [
            f"{case.channels}, {case.side} × {case.side}"
            + (f" × {case.maps}" if case.maps > 1 else ""),
            f"{case.plain:.1f}", f"{case.winograd:.1f}", f"{case.ratio:.2f}",
            f"{case.reckoned:.2f}", f"{case.compiling:.2f}", f"{case.off_plain:.1e}",
            f"{case.off:.1e}",
        ]
        for case in cases
    ]  # fmt: skip
    return markdown(head, rows)


if __name__ == "__main__":
    main()
