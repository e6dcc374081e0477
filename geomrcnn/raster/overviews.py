"""Overviews: what to read instead of the file's own pixels where wanted ones are much larger."""

from __future__ import annotations

from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError
from geomrcnn.raster.opening import open_dataset, reading

FINER = 2.0
"""A wanted pixel is at least so many pixels of the overview wide. No file tells how its overviews
were made, and many hold every n-th pixel: of those, some must still be averaged."""


def open_overview(
    dataset: DatasetReader, path: str, name: str, scale: float
) -> DatasetReader | None:
    """Open the coarsest overview that is fine enough.

    Args:
        dataset: The raster.
        path: What GDAL opened it by.
        name: What messages call it.
        scale: The file's pixels to a wanted one, of the finer side.

    Returns:
        A dataset of the same bands and extent; None if the raster itself is to be read.
    """
    with reading(f"{name}: its overviews"):
        levels = dataset.overviews(1)
        if any(dataset.overviews(band) != levels for band in dataset.indexes):
            return None
    fine = [(factor, level) for level, factor in enumerate(levels) if factor * FINER <= scale]
    if not fine:
        return None
    factor, level = max(fine)
    try:
        overview = open_dataset(path, name, OVERVIEW_LEVEL=level)
    except RasterError:  # an .ovr file that is damaged, or another file's
        return None
    if _divides(dataset, overview, factor):
        return overview
    overview.close()
    return None


def _divides(dataset: DatasetReader, overview: DatasetReader, factor: int) -> bool:
    """Whether an overview shows all of the raster, and no more, by one factor."""
    return bool(
        overview.count == dataset.count
        and overview.dtypes == dataset.dtypes
        and abs(overview.width - dataset.width / factor) < 1
        and abs(overview.height - dataset.height / factor) < 1
    )
