"""The choice of a model's bands by their names."""

from __future__ import annotations

import pytest

from geomrcnn.bundle.bands import band_places

RGB = ("red", "green", "blue")
NAMELESS = ("band 1", "band 2", "band 3")


@pytest.mark.parametrize(
    ("names", "wanted", "places"),
    [
        (RGB, RGB, [0, 1, 2]),
        (("blue", "green", "red", "nir"), RGB, [2, 1, 0]),
        (NAMELESS, RGB, [0, 1, 2]),
        ((*NAMELESS, "band 4"), RGB, [0, 1, 2]),
        (RGB, NAMELESS, [0, 1, 2]),
        (("red", "band 2", "band 3"), RGB, [0, 1, 2]),
        (("nir", "red", "green"), RGB, None),
        (("nir", "band 2", "band 3", "band 4"), RGB, None),
        (("red", "green"), RGB, None),
        (("band 1",), RGB, None),
    ],
)
def test_the_choice_of_bands(
    names: tuple[str, ...], wanted: tuple[str, ...], places: list[int] | None
) -> None:
    assert band_places(names, wanted) == places
