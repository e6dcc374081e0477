"""Figures of a nuclei model: python scripts/validate_nuclei.py MODEL COCO [COCO ...].

Scores a bundle on COCO files as scripts/split_nuclei.py writes them, image by image, with
pycocotools and its cap on detections raised to 1,000 an image. --overlays DIR draws what was found.
"""

from __future__ import annotations

import functools
from pathlib import Path

import click
import numpy as np

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import Sample
from geomrcnn.evaluation.evaluation import evaluate_detections, whole_image
from geomrcnn.network.config import SIZE_DIVISOR
from geomrcnn.runtime import Detections, load_detector
from geomrcnn.vector.canvas import paste
from geomrcnn.vector.instance import Box


@click.command()
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--overlays", type=click.Path(path_type=Path), help="Folder for the drawings.")
@click.option("--drawn", default=6, show_default=True, help="Drawings for each file.")
@click.option("--min-score", default=0.5, show_default=True, help="Of what is drawn.")
def main(
    model: str, files: tuple[Path, ...], overlays: Path | None, drawn: int, min_score: float
) -> None:
    """Score each file and print a row."""
    for path in files:
        dataset = CocoDataset(path, gsd=Bundle.open(model).card.gsd)
        samples = [dataset.sample(index) for index in range(len(dataset))]
        detector = functools.cache(lambda side: load_detector(model, tile=side, streams=1))
        found = [detector(side_for(sample)).detect([whole_image(sample)])[0] for sample in samples]
        names = [dataset.name(index) for index in range(len(dataset))]
        scores = evaluate_detections(samples, found, dataset.classes, names).coco.overall
        objects = sum(len(sample.instances) for sample in samples)
        click.echo(
            f"{path.stem:12} images {len(samples):3} nuclei {objects:5}  "
            + "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
        )
        for index in range(min(drawn, len(samples)) if overlays else 0):
            draw(samples[index], found[index], min_score, overlays / f"{path.stem}_{index}.png")


def side_for(sample: Sample) -> int:
    """Side of the square tile that holds the image."""
    return -(-max(sample.image.shape[:2]) // SIZE_DIVISOR) * SIZE_DIVISOR


def draw(sample: Sample, found: Detections, min_score: float, path: Path) -> None:
    """The image, with the outlines of the labels (green) and of what was found (red)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    height, width = sample.image.shape[:2]
    figure, axes = plt.subplots(figsize=(10, 10 * height / width))
    axes.imshow(sample.image)
    for instance in sample.instances:
        for part in getattr(instance.geometry, "geoms", [instance.geometry]):
            axes.plot(*part.exterior.xy, color="lime", linewidth=0.8)
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    for box, score, mask in zip(found.boxes, found.scores, found.masks, strict=True):
        if score >= min_score:
            place = Box(*(float(side) for side in box))
            axes.contour(x, y, paste(mask, place, x, y), [0.5], colors="red", linewidths=0.8)
    axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
