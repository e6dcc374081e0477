"""Colours of crops, soils and grounds as aerial cameras of the US Midwest record them in summer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geomrcnn.data.landscape.noise import FloatArray
from geomrcnn.data.landscape.plan import RGB, Cover
from geomrcnn.data.landscape.spectra import CROP_LEAVES, Film, Tone


@dataclass(frozen=True)
class Crop:
    """What grows on a field, between its fullest and its sparsest.

    Attributes:
        dense: colour where the stand is full.
        sparse: colour where soil or dead leaves show.
        vigour: mean share of `dense`, 0 to 1.
        patchy: how far the share strays with soil and moisture.
        streaks: how far it strays from one pass of the machine to the next.
        swath: width of that pass in metres.
        grain: roughness of the canopy, as a share of brightness.
    """

    dense: Tone
    sparse: Tone
    vigour: float = 0.7
    patchy: float = 0.14
    streaks: float = 0.10
    swath: float = 9.0
    grain: float = 0.03


CROPS: dict[str, Crop] = {
    "corn": Crop((66, 91, 66), (106, 118, 88), 0.8, 0.12, 0.08, 9.0, 0.045),
    "soy": Crop((80, 108, 77), (130, 132, 106), 0.75, 0.14, 0.08, 12.0, 0.03),
    "lush": Crop((84, 124, 82), (126, 140, 100), 0.75, 0.14, 0.07, 12.0, 0.025),
    "alfalfa": Crop((104, 148, 95), (142, 144, 106), 0.7, 0.16, 0.10, 7.0, 0.03),
    "hay": Crop((100, 124, 84), (152, 144, 108), 0.5, 0.20, 0.12, 6.0, 0.04),
    "pasture": Crop((98, 118, 80), (140, 130, 98), 0.55, 0.24, 0.03, 8.0, 0.05),
    "turning": Crop((104, 118, 80), (168, 152, 86), 0.5, 0.25, 0.10, 10.0, 0.03),
    "yellow": Crop((148, 152, 72), (172, 150, 84), 0.5, 0.28, 0.08, 10.0, 0.03),
    "emerging": Crop((94, 116, 84), (168, 158, 138), 0.45, 0.18, 0.12, 9.0, 0.03),
    "drying": Crop((112, 116, 82), (150, 124, 94), 0.4, 0.18, 0.12, 6.0, 0.035),
    "stubble": Crop((150, 140, 108), (196, 184, 150), 0.45, 0.20, 0.18, 9.0, 0.035),
    "wheat": Crop((176, 152, 108), (204, 190, 150), 0.5, 0.16, 0.12, 12.0, 0.025),
    "tan soil": Crop((136, 126, 110), (186, 174, 152), 0.45, 0.22, 0.10, 8.0, 0.025),
    "pale soil": Crop((170, 158, 136), (206, 198, 172), 0.4, 0.18, 0.10, 8.0, 0.02),
    "brown soil": Crop((112, 94, 76), (158, 134, 104), 0.45, 0.20, 0.10, 8.0, 0.03),
    "dark soil": Crop((74, 70, 62), (122, 112, 94), 0.5, 0.22, 0.10, 8.0, 0.03),
}

# Shares of crops by the time of the flight; the names are in the order of CROPS.
SEASONS: dict[str, dict[str, float]] = {
    "spring": {
        "tan soil": 3, "pale soil": 1.5, "brown soil": 1.5, "dark soil": 0.6, "emerging": 4,
        "lush": 1, "alfalfa": 1.2, "hay": 1, "pasture": 1, "wheat": 0.4, "soy": 1.5,
    },
    "early summer": {
        "corn": 3, "soy": 2, "emerging": 4, "tan soil": 1, "lush": 2, "alfalfa": 1.2,
        "hay": 1.2, "pasture": 1.2, "wheat": 1, "stubble": 0.6, "brown soil": 0.5,
    },
    "high summer": {
        "corn": 5, "soy": 5, "lush": 2, "alfalfa": 1.5, "hay": 1.5, "pasture": 1.5, "stubble": 0.7,
        "turning": 0.5, "drying": 0.5, "tan soil": 0.4,
    },
    "late summer": {
        "corn": 2, "soy": 2.5, "turning": 3, "yellow": 1.5, "drying": 3, "alfalfa": 1, "hay": 2,
        "pasture": 2, "stubble": 1.2, "brown soil": 0.8, "lush": 0.7,
    },
}  # fmt: skip

# Fresh and dry tone of every ground that is not a field.
GROUNDS: dict[Cover, tuple[RGB, RGB]] = {
    Cover.GRASS: ((84, 110, 76), (132, 128, 98)),
    Cover.MEADOW: ((86, 112, 74), (138, 132, 98)),
    Cover.LAWN: ((82, 122, 74), (122, 136, 94)),
    Cover.LITTER: ((48, 66, 46), (76, 90, 62)),
    Cover.LUSH: ((84, 122, 74), (124, 132, 90)),
    Cover.DIRT: ((150, 138, 112), (182, 172, 146)),
    Cover.GRAVEL: ((180, 176, 160), (212, 208, 194)),
    Cover.PAVED: ((158, 158, 154), (196, 194, 188)),
    Cover.BALLAST: ((112, 104, 96), (146, 138, 128)),
    Cover.WATER: ((40, 52, 46), (84, 92, 74)),
}

CROWN_DARK: RGB = (58, 78, 56)
CROWN_LIGHT: RGB = (92, 116, 76)
SHADOW: RGB = (0.44, 0.49, 0.54)


@dataclass(frozen=True)
class Palette:
    """The colours of one scene: its crops with their shares, and the tint of its grounds."""

    film: Film
    crops: tuple[Crop, ...]
    shares: tuple[float, ...]
    dryness: float

    def ground(self, cover: Cover) -> tuple[Tone, Tone]:
        """Fresh and dry tone of a ground."""
        return self.film.ground(cover, GROUNDS[cover])

    def draw_crop(self, rng: np.random.Generator) -> Crop:
        """A crop for one field, every field a little different."""
        crop = self.crops[int(rng.choice(len(self.crops), p=self.shares))]
        return Crop(
            shifted(rng, crop.dense, 0.06),
            shifted(rng, crop.sparse, 0.05),
            float(np.clip(crop.vigour + rng.normal(0.0, 0.12), 0.1, 0.95)),
            crop.patchy * float(rng.lognormal(-0.22, 0.4)),
            crop.streaks * float(rng.lognormal(-0.1, 0.5)),
            crop.swath * float(rng.uniform(0.7, 1.5)),
            crop.grain * float(rng.lognormal(0.0, 0.25)),
        )


def vector(colour: Tone) -> FloatArray:
    """A colour as an array [bands]."""
    return np.array(colour, np.float32)


def mix(share: FloatArray, one: Tone, other: Tone) -> FloatArray:
    """Colours [H, W, bands]: `one` where the share [H, W] is 1, `other` where it is 0."""
    low, high = vector(other), vector(one)
    return low + share[..., None] * (high - low)


def shifted(rng: np.random.Generator, colour: Tone, amount: float) -> Tone:
    """A colour near `colour`: brightness by `amount`, each colour by a third of that."""
    light = rng.lognormal(0.0, amount)
    visible = [float(c * light * rng.lognormal(0.0, amount / 3)) for c in colour[:3]]
    return (*visible, *(float(c * light) for c in colour[3:]))


def draw_palette(rng: np.random.Generator, film: Film) -> Palette:
    """The season of a scene, with crops that thrive there more or less this year."""
    season = SEASONS[str(rng.choice(list(SEASONS), p=(0.2, 0.28, 0.3, 0.22)))]
    weights = np.array(list(season.values())) * rng.gamma(0.55, 1.0, len(season))
    crops = tuple(
        Crop(
            shifted(rng, film.tone(CROPS[name].dense, CROP_LEAVES[name][0]), 0.05),
            shifted(rng, film.tone(CROPS[name].sparse, CROP_LEAVES[name][1]), 0.05),
            CROPS[name].vigour,
            CROPS[name].patchy,
            CROPS[name].streaks,
            CROPS[name].swath,
            CROPS[name].grain,
        )
        for name in season
    )
    shares = tuple(float(share) for share in weights / weights.sum())
    return Palette(film, crops, shares, float(rng.uniform(0.1, 0.8)))
