"""Beyond red, green and blue: what the ground sends back in further bands.

Everything in a scene is painted in display codes, 0 to 255, as colours are. A further band is one
more channel of a colour: it follows from what the colour is the colour of, a mixture of green
leaves with soil or stone (brighter where the colour is), or water. The reflectances are round
numbers typical of spectral libraries at the central wavelengths of Sentinel-2's bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geomrcnn.data.landscape.noise import FloatArray
from geomrcnn.data.landscape.plan import RGB, Cover

Tone = tuple[float, ...]
"""A colour with its further channels."""

WHITE = 0.7
"""Reflectance of display code 255."""
GAMMA = 2.2
SCALE = 10_000
"""What a 16-bit file multiplies reflectances by, as Sentinel-2's level 2A does."""
SOIL_BRIGHTNESS = 0.15
"""Mean reflectance in red, green and blue of the soil listed below."""

# Leaves, soil and water. Red edge and near infrared: leaves scatter, water swallows; short-wave
# infrared (b11, b12): the water in leaves shows.
REFLECTANCES: dict[str, tuple[float, float, float]] = {
    "b01": (0.020, 0.08, 0.050),
    "b05": (0.120, 0.20, 0.035),
    "b06": (0.360, 0.22, 0.025),
    "b07": (0.450, 0.235, 0.022),
    "b08": (0.470, 0.25, 0.020),
    "b8a": (0.480, 0.26, 0.018),
    "b09": (0.460, 0.27, 0.015),
    "b11": (0.220, 0.36, 0.010),
    "b12": (0.100, 0.31, 0.007),
}
REFLECTANCES["nir"] = REFLECTANCES["b08"]

# Share of green leaves in the dense and the sparse tone of every crop, by the names of CROPS.
CROP_LEAVES: dict[str, tuple[float, float]] = {
    "corn": (0.95, 0.6),
    "soy": (0.95, 0.5),
    "lush": (0.95, 0.6),
    "alfalfa": (0.95, 0.6),
    "hay": (0.8, 0.35),
    "pasture": (0.75, 0.35),
    "turning": (0.65, 0.3),
    "yellow": (0.5, 0.25),
    "emerging": (0.6, 0.1),
    "drying": (0.5, 0.2),
    "stubble": (0.25, 0.05),
    "wheat": (0.2, 0.05),
    "tan soil": (0.08, 0.0),
    "pale soil": (0.05, 0.0),
    "brown soil": (0.08, 0.0),
    "dark soil": (0.05, 0.0),
}
# The same of the fresh and the dry tone of grounds; none on the others.
GROUND_LEAVES: dict[Cover, tuple[float, float]] = {
    Cover.GRASS: (0.75, 0.35),
    Cover.MEADOW: (0.8, 0.35),
    Cover.LAWN: (0.9, 0.6),
    Cover.LITTER: (0.6, 0.3),
    Cover.LUSH: (0.9, 0.45),
}
CROWN_LEAVES = 0.9
SHADE = 0.4
"""What is left of a further band in full shadow: the sky that lights it is blue."""


@dataclass(frozen=True)
class Film:
    """The bands that a camera records.

    Attributes:
        names: Of the bands, in the order of the file.
        red, green, blue: Which of them are these colours.
    """

    names: tuple[str, ...]
    red: str = "red"
    green: str = "green"
    blue: str = "blue"

    @property
    def further(self) -> tuple[str, ...]:
        """The bands that are no colour; painted as channels after red, green and blue."""
        return tuple(name for name in self.names if name in REFLECTANCES)

    def tone(self, colour: Tone, leaves: float = 0.0) -> Tone:
        """(red, green, blue) with further channels; `leaves` is the share of green leaves in it."""
        # Soils differ less beyond red than they do in colours.
        brightness = float(reflectance(np.array(colour)).mean() / SOIL_BRIGHTNESS) ** 0.6
        mixed = (
            leaves * leaf + (1 - leaves) * soil * brightness
            for leaf, soil, _ in map(REFLECTANCES.__getitem__, self.further)
        )
        return (*colour, *(float(code(np.array(share))) for share in mixed))

    def ground(self, cover: Cover, tones: tuple[RGB, RGB]) -> tuple[Tone, Tone]:
        """The fresh and the dry tone of a ground with their further channels."""
        if cover is Cover.WATER:
            wet = tuple(float(code(np.array(REFLECTANCES[name][2]))) for name in self.further)
            return (*tones[0], *wet), (*tones[1], *wet)
        fresh, dry = GROUND_LEAVES.get(cover, (0.0, 0.0))
        return self.tone(tones[0], fresh), self.tone(tones[1], dry)

    def arranged(self, image: FloatArray) -> FloatArray:
        """Channels [H, W, (red, green, blue, further ...)] in the order of the file."""
        painted = (self.red, self.green, self.blue, *self.further)
        return image[..., [painted.index(name) for name in self.names]]


FILMS: dict[int, Film] = {
    3: Film(("red", "green", "blue")),
    4: Film(("red", "green", "blue", "nir")),
    # Sentinel-2's bands of level 2A.
    12: Film(
        ("b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b11", "b12"),
        red="b04",
        green="b03",
        blue="b02",
    ),
}
"""By the number of bands."""


def reflectance(codes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Reflectances of display codes; `code` is the inverse."""
    shares: npt.NDArray[np.floating] = np.maximum(codes, 0) / 255
    return WHITE * shares**GAMMA


def code(reflectances: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Display codes of reflectances."""
    shares: npt.NDArray[np.floating] = reflectances / WHITE
    return 255 * shares ** (1 / GAMMA)


def written(image: FloatArray, dtype: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Display codes as a file holds them: bytes, or uint16 reflectances times 10,000."""
    if dtype == "uint8":
        return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)
    return np.asarray(np.clip(np.rint(SCALE * reflectance(image)), 0, 65535), np.uint16)
