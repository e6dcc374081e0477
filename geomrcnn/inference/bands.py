"""Does the raster fit the model? Which of its bands does the model see, and how bright?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geomrcnn.bundle.bands import band_places
from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import ModelError, RasterError
from geomrcnn.inference.area_of_interest import bounds_of
from geomrcnn.inference.opening import Opening
from geomrcnn.raster.samples import sample
from geomrcnn.raster.scaling import Method, Range, Scaling, range_of, stretched, unchanged
from geomrcnn.raster.source import RasterSource

BYTES = (0.0, 255.0)
"""Black and white of 8-bit imagery."""


def opening_for(
    card: ModelCard,
    path: str | os.PathLike[str],
    *,
    gsd: float | None = None,
    bands: Sequence[int | str] | None = None,
    scale: Method | None = None,
    aoi: str | os.PathLike[str] | None = None,
) -> Opening:
    """How to open a raster as a model wants to see it.

    A model of floats sees a raster of integers in the units that its scale and offset tags give.

    Args:
        card: The model's card.
        path: Anything GDAL opens, or the URL of a tile service.
        gsd: Metres on the ground to a pixel; the model's own by default.
        bands: Numbers from 1 or names, in the order of the model's bands. By default the bands
            named as the model's are taken, or else the first ones where no name speaks against it.
        scale: How values are adapted to the model's; None only takes what needs no adapting.
        aoi: Vector file with the area of interest. A tile service is cut to its bounds and a
            margin for what lies across its edge; other rasters stay as they are.

    Raises:
        RasterError: if it cannot be opened, or its bands or dtype are not the model's.
        ModelError: if the card does not tell what values are to be adapted to.
        DataError: if the area of interest cannot be read.
    """
    gsd = gsd or card.gsd
    within = bounds_of(aoi, margin=card.overlap * gsd) if aoi else None
    opening = Opening(os.fspath(path), gsd, within=within)
    with opening() as whole:
        numbers = _numbers(whole, card, bands)
        in_units = _is_float(card.dtype) and not _is_float(whole.dtype)
    opening = replace(opening, bands=numbers, in_units=in_units)
    with opening() as source:
        return replace(opening, scaling=_scaling_for(source, card, scale))


def choose_bands(source: RasterSource, card: ModelCard) -> tuple[int, ...]:
    """The bands for a model, as numbers from 1.

    Raises:
        RasterError: if there are too few, or their names leave no choice.
    """
    places = band_places(source.band_names, card.bands)
    if places is None:
        raise RasterError(f"{_misfit(source, card)}; choose bands with --bands")
    return tuple(source.bands[place] for place in places)


def parse_bands(listed: str) -> tuple[int | str, ...]:
    """Read "3,2,1" or "nir,red,green": numbers from 1 and names, in any mix.

    Raises:
        ValueError: a band is 0, or the list has gaps.
    """
    parts = [part.strip() for part in listed.split(",")]
    bands = tuple(int(part) if part.isdecimal() else part for part in parts)
    if any(band in ("", 0) for band in bands):
        raise ValueError(f"'{listed}' is no list of band numbers from 1, or names, such as 3,2,1")
    return bands


def _numbers(
    source: RasterSource, card: ModelCard, bands: Sequence[int | str] | None
) -> tuple[int, ...]:
    """The bands for a model as numbers: those that were asked for, or those that fit."""
    if bands is None:
        return choose_bands(source, card)
    if len(bands) != len(card.bands):
        raise RasterError(
            f"--bands names {len(bands)}, but the model '{card.name}' wants {_wanted(card)}"
        )
    return tuple(_number(source, band) for band in bands)


def _number(source: RasterSource, band: int | str) -> int:
    if isinstance(band, int):
        return band
    found = [n for n, name in zip(source.bands, source.band_names, strict=True)
             if name == band.lower()]  # fmt: skip
    if len(found) == 1:
        return found[0]
    which = "several bands are" if found else "no band is"
    raise RasterError(
        f"{source.path}: {which} named '{band}', its bands are {', '.join(source.band_names)}"
    )


def _scaling_for(source: RasterSource, card: ModelCard, scale: Method | None) -> Scaling | None:
    """How values of a raster become those of a model; None if they are.

    Raises:
        RasterError: they are not, and `scale` does not say how.
    """
    if scale is None:
        if source.dtype == card.dtype:
            return None
        if not (_is_float(source.dtype) and _is_float(card.dtype)):
            raise RasterError(f"{_misfit(source, card)}; say how to adapt its values with --scale")
    if scale is None or scale == "as-trained":
        return unchanged(len(card.bands), card.dtype)
    values = np.empty((0, source.count)) if _told(source, scale) else sample(source)
    found = range_of(scale, values, source.moments)
    if found is None:  # no valid pixel anywhere
        return unchanged(len(card.bands), card.dtype)
    return stretched(found, _range_of_training(card), card.dtype)


def _told(source: RasterSource, scale: Method) -> bool:
    """Whether the tags of a file tell all that there is to know."""
    return scale == "statistics" and source.moments is not None


def _range_of_training(card: ModelCard) -> Range:
    """From black to white as a model knows them.

    Raises:
        ModelError: the card does not say.
    """
    if card.black:
        return Range(card.black, card.white)
    if card.dtype == "uint8":
        black, white = BYTES
        return Range((black,) * len(card.bands), (white,) * len(card.bands))
    raise ModelError(
        f"the model '{card.name}' does not tell the range of {card.dtype} that it was trained on; "
        "convert the raster, and say --scale as-trained"
    )


def _misfit(source: RasterSource, card: ModelCard) -> str:
    names = f" ({', '.join(source.band_names)})" if source.count > 1 else ""
    return (
        f"{source.path}: {_bands(source.count)} of {source.dtype}{names}, but the model "
        f"'{card.name}' wants {_wanted(card)}"
    )


def _wanted(card: ModelCard) -> str:
    return f"{_bands(len(card.bands))} of {card.dtype} ({', '.join(card.bands)})"


def _bands(count: int) -> str:
    return "1 band" if count == 1 else f"{count} bands"


def _is_float(dtype: str) -> bool:
    return np.dtype(dtype).kind == "f"
