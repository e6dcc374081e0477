"""Figures of a model by the GSD of imagery: scripts/figures_by_gsd.py MODEL RASTER=LABELS ...

Each raster is averaged to each GSD first, as if it had been taken from higher up; the labels are
cut to the raster, and those of which less than a fifth is left do not count. Prints a row a GSD;
--write keeps them in the model's card.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import click
import geopandas
import pandas as pd
import rasterio
import shapely
from affine import Affine
from geopandas import GeoDataFrame
from rasterio.enums import Resampling
from rasterio.warp import reproject

from geomrcnn import open_raster, predict
from geomrcnn.bundle.bundle import Bundle
from geomrcnn.evaluation.polygons import score_layers
from geomrcnn.runtime import load_detector

ALL = 0.05
"""Score from which detections count for AP, which needs the doubtful ones as well."""
VISIBLE = 0.2


def coarser(raster: Path, gsd: float, out: Path) -> Path:
    """The raster averaged to a GSD; as it is if it has that GSD or a larger one."""
    with open_raster(raster) as source:
        factor = gsd / (source.native_gsd or gsd)
    if factor <= 1.01:
        return raster
    with rasterio.open(raster) as file:
        width, height = round(file.width / factor), round(file.height / factor)
        transform = file.transform * Affine.scale(file.width / width, file.height / height)
        profile = {**file.profile, "width": width, "height": height, "transform": transform}
        for key in ("blockxsize", "blockysize", "tiled", "compress", "photometric"):
            profile.pop(key, None)
        with rasterio.open(out, "w", **profile) as small:
            for band in file.indexes:
                reproject(
                    rasterio.band(file, band), rasterio.band(small, band),
                    resampling=Resampling.average,
                )  # fmt: skip
    return out


def labels_within(path: Path, raster: Path) -> GeoDataFrame:
    """Labels cut to a raster, in its CRS."""
    with rasterio.open(raster) as file:
        frame, crs = shapely.box(*file.bounds), file.crs
    labels = geopandas.read_file(path).to_crs(crs)
    seen = labels.intersection(frame)
    whole = seen.area >= VISIBLE * labels.area
    return GeoDataFrame({"class": labels["class"]}, geometry=seen, crs=crs)[whole]


@click.command()
@click.argument("model")
@click.argument("pairs", nargs=-1, required=True, metavar="RASTER=LABELS ...")
@click.option("--gsd", "gsds", type=float, multiple=True, required=True, metavar="METRES")
@click.option("--precision", default="fp32", show_default=True, help="As for geomrcnn predict.")
@click.option("--write", is_flag=True, help="Write the figures into the card of the model.")
def main(
    model: str, pairs: tuple[str, ...], gsds: tuple[float, ...], precision: str, write: bool
) -> None:
    """Predict and score at each GSD."""
    bundle = Bundle.open(model)
    detector = load_detector(model, precision=precision)
    card = bundle.card
    figures: dict[str, float | dict[str, float]] = {}
    for gsd in gsds:
        every, labels = [], []
        with tempfile.TemporaryDirectory() as folder:
            for number, pair in enumerate(pairs):
                raster, _, truth = pair.partition("=")
                seen = coarser(Path(raster), gsd, Path(folder) / f"{number}.tif")
                every.append(predict(seen, model=detector, min_score=ALL))
                labels.append(labels_within(Path(truth), Path(raster)).to_crs(every[-1].crs))
        found, true = pd.concat(every), pd.concat(labels)
        average = score_layers(found, true)
        chosen = score_layers(found[found["score"] >= card.min_score], true)
        at = {
            "objects": len(true),
            "ap50": round(average.ap50, 3),
            "ap": round(average.ap, 3),
            "f1": round(chosen.f1, 3),
            "precision": round(chosen.precision, 3),
            "recall": round(chosen.recall, 3),
        }
        figures[f"at {gsd:g} m"] = at
        click.echo(f"{gsd:g} m  " + "  ".join(f"{name} {value}" for name, value in at.items()))
    if write:
        bundle.write_with(
            dataclasses.replace(card, metrics={**card.metrics, **figures}), bundle.path
        )


if __name__ == "__main__":
    main()
