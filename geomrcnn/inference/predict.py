"""The way of a raster through a model, on one page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from geopandas import GeoDataFrame

from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import ModelError
from geomrcnn.formats.writer import check_output, write_features
from geomrcnn.inference.area_of_interest import read_area
from geomrcnn.inference.bands import open_for
from geomrcnn.inference.features import to_features
from geomrcnn.inference.placing import place
from geomrcnn.raster.grid import TileGrid, tiles
from geomrcnn.runtime import Detector, load_detector
from geomrcnn.vector.instance import Instance
from geomrcnn.vector.merge import merge


@dataclass(frozen=True)
class Options:
    """How to look at a raster. None is the model's own choice.

    Attributes:
        min_score: Score from which an object counts.
        tile: Side of the tiles in pixels.
        overlap: Pixels that neighbouring tiles share.
        bands: Numbers from 1 of the bands to show the model, in its order; None finds them by
            their names.
        gsd: Metres on the ground to a pixel that the raster is resampled to. A raster that is
            not georeferenced is taken to have it.
        aoi: Vector file in any CRS. Tiles that do not touch it are passed over, and objects
            outside are left out.
        simplify: Metres that simplification may move an outline; None is a quarter of a pixel.
        min_area: Objects smaller than this many square metres are left out.
    """

    min_score: float | None = None
    tile: int | None = None
    overlap: int | None = None
    bands: Sequence[int] | None = None
    gsd: float | None = None
    aoi: str | os.PathLike[str] | None = None
    simplify: float | None = None
    min_area: float = 0.0


class Progress(NamedTuple):
    """How far a prediction is.

    Attributes:
        done: Tiles behind us.
        total: All tiles.
        skipped: Tiles without data among those done.
        objects: Detections so far; an object on a seam counts once for each tile.
    """

    done: int
    total: int
    skipped: int
    objects: int


@dataclass(frozen=True, eq=False)
class Prediction:
    """Features, and how they came about.

    Attributes:
        frame: One row an object; see `predict`.
        tiles: Tiles of the raster, or of the area of interest.
        skipped: Those among them that hold no data.
        seconds: Wall time from opening the raster to the last feature.
        device: What ran the model.
    """

    frame: GeoDataFrame
    tiles: int
    skipped: int
    seconds: float
    device: str


def predict(
    raster: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | Detector = "fields",
    out: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    bands: Sequence[int] | None = None,
    gsd: float | None = None,
    aoi: str | os.PathLike[str] | None = None,
    simplify: float | None = None,
    min_area: float = 0.0,
    runtime: str = "auto",
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> GeoDataFrame:
    """Find the objects in a raster.

    Args:
        raster: Anything GDAL opens.
        model: Name of a shipped model, path of a bundle, or a detector.
        out: File to write as well, in the format its suffix names.
        min_score: See `Options`, as for all down to `min_area`.
        tile: A multiple of 32.
        overlap: Less than `tile`.
        bands: Numbers from 1.
        gsd: Metres.
        aoi: Path of a vector file.
        simplify: Metres.
        min_area: Square metres.
        runtime: "auto", "openvino" or "tensorflow".
        overwrite: Whether `out` may replace a file.
        on_progress: Called before the first tile and after each.

    Returns:
        One row an object, in the order of tiles: class, score, area_m2, tile ("row-column" of
        the tile that saw it best), and geometry in the raster's CRS.

    Raises:
        RasterError, ModelError, DataError, OutputError: saying in one line what is wrong.
    """
    if out is not None:
        check_output(out, overwrite)
    options = Options(min_score, tile, overlap, bands, gsd, aoi, simplify, min_area)
    if isinstance(model, (str, os.PathLike)):
        model = load_detector(model, runtime=runtime, tile=tile)
    frame = run(raster, model, options, on_progress).frame
    if out is not None:
        write_features(frame, out, overwrite=overwrite)
    return frame


def run(
    raster: str | os.PathLike[str],
    detector: Detector,
    options: Options = Options(),
    on_progress: Callable[[Progress], None] | None = None,
) -> Prediction:
    """Show every tile of a raster to a detector, and turn what it finds into features.

    Raises:
        RasterError, ModelError, DataError: saying in one line what is wrong.
    """
    began = time.perf_counter()
    card = detector.card
    min_score = card.min_score if options.min_score is None else options.min_score
    side, overlap = tiling(card, options.tile, options.overlap)
    report = on_progress or (lambda progress: None)

    with open_for(card, raster, gsd=options.gsd, bands=options.bands) as source:
        area = None if options.aoi is None else read_area(options.aoi, source)
        grid = TileGrid(source.width, source.height, side, overlap)
        cells = [cell for cell in grid if area is None or area.touches(cell.window)]

        instances: list[Instance] = []
        skipped = 0
        report(Progress(0, len(cells), 0, 0))
        for done, tile in enumerate(tiles(source, cells), start=1):
            if tile.valid.any():
                (detections,) = detector.detect([tile])
                instances += place(detections, tile, min_score)
            else:
                skipped += 1
            report(Progress(done, len(cells), skipped, len(instances)))

        wholes = merge(instances, size=(source.width, source.height), overlap=overlap)
        frame = to_features(
            wholes,
            source,
            card.classes,
            gsd=source.gsd or options.gsd or card.gsd,
            simplify_by=options.simplify,
            min_area=options.min_area,
            area=area,
        )
    seconds = time.perf_counter() - began
    return Prediction(frame, len(cells), skipped, seconds, detector.description)


def tiling(card: ModelCard, tile: int | None, overlap: int | None) -> tuple[int, int]:
    """Side and overlap of the tiles in pixels, the card's where none is given.

    Raises:
        ModelError: if they contradict each other.
    """
    side = card.tile if tile is None else tile
    shared = min(card.overlap, side // 2) if overlap is None else overlap
    if not 0 <= shared < side:
        raise ModelError(
            f"tiles of {side} pixels cannot overlap by {shared}: choose less than {side}, "
            "or larger tiles"
        )
    return side, shared
