"""Outlines of features over their imagery: the quickest look at a result, or at labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from geopandas import GeoDataFrame
from rasterio.features import rasterize

from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats.destination import check_destination, written_beside
from geomrcnn.formats.style import PALETTE, Colour
from geomrcnn.raster.source import open_raster
from geomrcnn.visualize.images import to_rgb, write_png

CASING_WIDTH = 1.0
CASING_OPACITY = 0.6
SUPERSAMPLING = 3


def draw_outlines(
    raster_path: str | os.PathLike[str],
    frame: GeoDataFrame,
    out_png: str | os.PathLike[str],
    *,
    max_side: int = 1600,
    bands: Sequence[int] | None = None,
    colours: Mapping[str, Colour] | None = None,
    line_width: float = 2.0,
    overwrite: bool = False,
) -> None:
    """Write a PNG of a raster with the outlines of features, coloured by their `class`.

    Args:
        raster_path: Any raster GDAL opens.
        frame: Polygons in any CRS; if the raster has none, without one, in its coordinates.
        out_png: The picture to write.
        max_side: Pixels of the picture's longer side at most.
        bands: Numbers from 1 of one band, shown grey, or of red, green and blue; by default the
            first three, or the first if there are fewer.
        colours: Red, green, blue from 0 to 255 by class; other classes take `PALETTE` in turn.
        line_width: Width of the lines in pixels of the picture, their dark rim not counted.
        overwrite: Whether to replace an existing file.

    Raises:
        OutputError: if the picture cannot be written.
        RasterError: if the raster cannot be read.
        DataError: if only one of raster and features is georeferenced.
    """
    out_png = Path(out_png)
    if out_png.suffix.lower() != ".png":
        raise OutputError(f"{out_png}: a picture's name must end in .png")
    check_destination(out_png, overwrite)
    with open_raster(raster_path, bands=bands or _shown_bands(raster_path)) as source:
        if (source.crs is None) != (frame.crs is None):
            lacking = source.path if source.crs is None else "the layer of features"
            raise DataError(f"outlines cannot be placed: {lacking} has no CRS")
        if source.crs is not None:
            frame = frame.to_crs(source.crs.to_wkt())
        pixels, valid, transform = source.thumbnail(max_side)
    outlines = _outlines(frame, transform, valid.shape)
    picture = overlay(to_rgb(pixels, valid), outlines, colours or {}, line_width)
    with written_beside(out_png) as partial:
        write_png(picture, partial)


def overlay(
    picture: npt.NDArray[np.uint8],
    outlines: Mapping[str, np.ndarray],
    colours: Mapping[str, Colour],
    line_width: float,
) -> npt.NDArray[np.uint8]:
    """Draw lines on a picture, smooth, and with a dark rim that sets them off bright ground.

    Args:
        picture: [height, width, (red, green, blue)].
        outlines: Lines in pixels of the picture, by class.
        colours: As `draw_outlines` takes them.
        line_width: In pixels of the picture.

    Returns:
        A new picture of the same size.
    """
    canvas = picture.astype(np.float32)
    lines = [line for of_class in outlines.values() for line in of_class]
    rim = coverage(lines, line_width + 2 * CASING_WIDTH, canvas.shape[:2])
    canvas *= 1 - CASING_OPACITY * rim[..., None]
    for index, (name, of_class) in enumerate(sorted(outlines.items())):
        colour = np.array(colours.get(name, PALETTE[index % len(PALETTE)]), np.float32)
        share = coverage(of_class, line_width, canvas.shape[:2])[..., None]
        canvas += share * (colour - canvas)
    return np.rint(canvas).astype(np.uint8)


def coverage(
    lines: Sequence[shapely.Geometry] | np.ndarray, width: float, shape: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """How much of each pixel [height, width] lines of that width cover, from 0 to 1."""
    strokes = [s for s in shapely.buffer(lines, width / 2, quad_segs=2) if not s.is_empty]
    if not strokes:
        return np.zeros(shape, np.float32)
    height, columns = shape
    fine = rasterize(
        strokes,
        out_shape=(height * SUPERSAMPLING, columns * SUPERSAMPLING),
        transform=Affine.scale(1 / SUPERSAMPLING),
        dtype="uint8",
    )
    cells = fine.reshape(height, SUPERSAMPLING, columns, SUPERSAMPLING)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _shown_bands(raster_path: str | os.PathLike[str]) -> tuple[int, ...]:
    """The first three bands that are imagery, or the first."""
    with open_raster(raster_path) as source:
        return source.bands[:3] if source.count >= 3 else source.bands[:1]


def _outlines(
    frame: GeoDataFrame, transform: Affine, shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Boundaries, holes' too, of the features in a picture, in its pixels, by class."""
    a, b, c, d, e, f = tuple(~transform)[:6]
    shapes = shapely.transform(
        frame.geometry.to_numpy(),
        lambda xy: np.column_stack(
            [a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f]
        ),
    )
    seen = shapely.intersects(shapes, shapely.box(0, 0, shape[1], shape[0]))
    lines = shapely.simplify(shapely.boundary(shapes), 0.1)
    names = frame["class"].astype(str).to_numpy() if "class" in frame else np.full(len(frame), "")
    return {str(name): lines[seen & (names == name)] for name in np.unique(names[seen])}
