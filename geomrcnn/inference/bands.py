"""Does the raster fit the model? Which of its bands does the model see?"""

from __future__ import annotations

import os
from collections.abc import Sequence

from geomrcnn.bundle.bands import band_places
from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import RasterError
from geomrcnn.raster.source import RasterSource, open_raster


def open_for(
    card: ModelCard,
    path: str | os.PathLike[str],
    *,
    gsd: float | None = None,
    bands: Sequence[int] | None = None,
) -> RasterSource:
    """Open a raster as a model wants to see it.

    Args:
        card: The model's card.
        path: Anything GDAL opens.
        gsd: Metres on the ground to a pixel; the model's own by default.
        bands: Numbers from 1, in the order of the model's bands. By default the bands named as
            the model's are taken, or else the first ones where no name speaks against it.

    Raises:
        RasterError: if it cannot be opened, or its bands or dtype are not the model's.
    """
    if bands is None:
        with open_raster(path) as whole:
            bands = choose_bands(whole, card)
    elif len(bands) != len(card.bands):
        raise RasterError(
            f"--bands names {len(bands)}, but the model '{card.name}' wants {_wanted(card)}"
        )
    source = open_raster(path, gsd=gsd or card.gsd, bands=bands)
    if source.dtype != card.dtype:
        source.close()
        raise _misfit(source, card)
    return source


def choose_bands(source: RasterSource, card: ModelCard) -> tuple[int, ...]:
    """The bands for a model, as numbers from 1.

    Raises:
        RasterError: if there are too few, or their names leave no choice.
    """
    places = band_places(source.band_names, card.bands)
    if places is None:
        raise _misfit(source, card)
    return tuple(source.bands[place] for place in places)


def _misfit(source: RasterSource, card: ModelCard) -> RasterError:
    names = f" ({', '.join(source.band_names)})" if source.count > 1 else ""
    return RasterError(
        f"{source.path}: {_bands(source.count)} of {source.dtype}{names}, but the model "
        f"'{card.name}' wants {_wanted(card)}; choose bands with --bands or convert it"
    )


def _wanted(card: ModelCard) -> str:
    return f"{_bands(len(card.bands))} of {card.dtype} ({', '.join(card.bands)})"


def _bands(count: int) -> str:
    return "1 band" if count == 1 else f"{count} bands"
