"""`geomrcnn evaluate --seams`: what tiling costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from geomrcnn.cli.outcome import counting_tiles

if TYPE_CHECKING:
    from geomrcnn.cli.evaluate_outputs import Outputs
    from geomrcnn.cli.progress import Narrator


def evaluate_seams(
    narrator: Narrator,
    image: str,
    model: str,
    runtime: str,
    precision: str,
    options: Mapping[str, Any],
    truth: str | None,
    attribute: str | None,
    outputs: Outputs,
) -> None:
    """Look at a raster twice, with these `Options`, and tell what the seams cost."""
    from geomrcnn.evaluation.tables import seam_tables
    from geomrcnn.evaluation.two_grids import measure_seams
    from geomrcnn.inference.options import Options
    from geomrcnn.raster.redaction import redacted
    from geomrcnn.runtime import load_detector

    detector = load_detector(model, runtime=runtime, precision=precision, tile=options["tile"])
    with counting_tiles(narrator) as on_progress:
        scores = measure_seams(
            image, detector, Options(**options),
            truth=truth, attribute=attribute, on_progress=on_progress,
        )  # fmt: skip
    values = {"image": redacted(image), "model": detector.card.name, **dataclasses.asdict(scores)}
    outputs.write(narrator, seam_tables(scores), values)
