"""Fields that the eye cannot tell from the grass around them, but near infrared can.

Two or three layers of leaves swallow all the red and blue light there is; deeper layers still
scatter infrared back. A dense crop and a thin meadow of the same green therefore look alike in
colours and differ beyond them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from geomrcnn.data.landscape import palette, textures
from geomrcnn.data.landscape.canvas import Canvas, View
from geomrcnn.data.landscape.noise import FloatArray, NoiseBank
from geomrcnn.data.landscape.palette import Palette
from geomrcnn.data.landscape.plan import Cover

IDLE = 0.5
"""Share of the parcels left to grass or trees: to colours, half of what looks like a field."""
GRASSES = (Cover.GRASS, Cover.MEADOW)
# Shares of green leaves in the fresh and the dry tone of grass, and of the crop.
THIN, DENSE = (0.45, 0.3), (0.97, 0.85)
ROUGH = 0.45


def sward(
    rng: np.random.Generator,
    canvas: Canvas,
    fields: Iterable[tuple[int, View]],
    colours: Palette,
    bank: NoiseBank,
) -> FloatArray:
    """Grass and crops [H, W, bands] as one green cover, 0 on all else.

    `fields` are their labels on the canvas and the pixels they touch.
    """
    fresh, dry = (palette.shifted(rng, tone, 0.06) for tone in palette.GROUNDS[Cover.GRASS])
    pattern = int(rng.integers(2**63))

    def grown(leaves: tuple[float, float]) -> FloatArray:
        # The same pattern each time: only the further bands depend on the leaves.
        film, draws = colours.film, np.random.default_rng(pattern)
        tones = film.tone(fresh, leaves[0]), film.tone(dry, leaves[1])
        return textures.ground_colours(draws, *tones, colours, bank, ROUGH)

    share = canvas.share(Cover.GRASS) + canvas.share(Cover.MEADOW)
    image: FloatArray = share[..., None] * grown(THIN)
    crop = grown(DENSE)
    for label, view in fields:
        here = crop[view.slices].copy()
        here[..., 3:] *= np.float32(rng.lognormal(0.0, 0.06))
        image[view.slices] += canvas.share(label, view)[..., None] * here
    return image
