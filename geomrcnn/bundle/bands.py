"""Which bands of an image are those that a model wants, by their names."""

from __future__ import annotations

from collections.abc import Sequence


def is_silent(name: str) -> bool:
    """Whether a band's name says nothing: "band 5", or GDAL's "gray" for whatever it knows not."""
    return name.startswith("band ") or name == "gray"


def band_places(names: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Which bands are those that a model wants, from 0; None where the names leave no choice.

    Bands named as the model's are taken, in the model's order; else the first ones, unless a name
    speaks against it.

    Args:
        names: Of the bands there are.
        wanted: Of the model's.
    """
    if set(wanted) <= set(names):
        return [names.index(name) for name in wanted]
    first = names[: len(wanted)]
    if len(names) == len(wanted):
        pairs = zip(names, wanted, strict=True)
        fits = all(name == want or is_silent(name) or is_silent(want) for name, want in pairs)
    else:
        fits = len(names) > len(wanted) and all(map(is_silent, first))
    return list(range(len(wanted))) if fits else None
