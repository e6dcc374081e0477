"""One scene: the plan painted, photographed, and its fields outlined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from geomrcnn.data.landscape import alike, canopy, palette, sensor, textures
from geomrcnn.data.landscape.canvas import Canvas
from geomrcnn.data.landscape.layout import draw_plan
from geomrcnn.data.landscape.noise import FloatArray, NoiseBank
from geomrcnn.data.landscape.plan import Cover, Plan
from geomrcnn.data.landscape.spectra import FILMS, Film, written


class Survey(NamedTuple):
    """What is flown over the land, and when.

    Attributes:
        bands: 3: red, green, blue; 4: near infrared as well; 12: those of Sentinel-2.
        dtype: "uint8", as cameras develop pictures, or "uint16": reflectance times 10,000.
        look: "natural"; "alike" is the week when crops have the very green of the meadows, and
            only the infrared tells them apart.
    """

    bands: int = 3
    dtype: str = "uint8"
    look: str = "natural"

    @property
    def film(self) -> Film:
        """The bands by name."""
        return FILMS[self.bands]


COLOURS = Survey()
"""The plainest survey."""


class Scene(NamedTuple):
    """A picture and what is in it.

    Attributes:
        image: uint8 or uint16 [H, W, bands].
        fields: outlines in continuous pixel coordinates of the image (x right, y down).
        gsd: metres on the ground per pixel.
        film: names the bands.
    """

    image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    fields: list[Polygon]
    gsd: float
    film: Film


def landscape(
    seed: int, size: tuple[int, int], gsd: float = 1.0, survey: Survey = COLOURS
) -> Scene:
    """Draw a synthetic farmland scene of `size` (height, width) pixels of `gsd` metres.

    The same arguments give the same scene; with further bands, its colours stay what they are.
    Fields cut by the image border are clipped to it.
    """
    planning, bank_rng, painting, camera = np.random.default_rng(seed).spawn(4)
    idle = alike.IDLE if survey.look == "alike" else None
    plan = draw_plan(planning, size[1] * gsd, size[0] * gsd, idle)
    bank = NoiseBank.draw(bank_rng, size, gsd)
    canvas, first_field = draw_ground(plan, size, gsd)
    image = paint(painting, plan, canvas, first_field, bank, gsd, survey)
    image = sensor.expose(camera, image, gsd, packed=survey.dtype == "uint8")
    outlines: list[Polygon] = [in_pixels(parcel.polygon, gsd) for parcel in plan.fields]
    film = survey.film
    return Scene(written(film.arranged(image), survey.dtype), outlines, gsd, film)


def in_pixels(shape: BaseGeometry, gsd: float) -> BaseGeometry:
    """Metres to pixels."""
    return shapely.transform(shape, lambda metres: metres / gsd)


def draw_ground(plan: Plan, size: tuple[int, int], gsd: float) -> tuple[Canvas, int]:
    """The label raster of a plan: covers, then fields from the label returned, then roofs."""
    canvas = Canvas(size)
    first_field = len(Cover)
    first_roof = first_field + len(plan.fields)
    shapes = [(in_pixels(patch.ground, gsd), int(patch.cover)) for patch in plan.patches]
    fields = [
        (in_pixels(parcel.polygon, gsd), first_field + k) for k, parcel in enumerate(plan.fields)
    ]
    roofs = [(in_pixels(roof.polygon, gsd), first_roof + k) for k, roof in enumerate(plan.roofs)]
    canvas.draw(shapes + fields + roofs)
    return canvas, first_field


def paint(
    rng: np.random.Generator,
    plan: Plan,
    canvas: Canvas,
    first_field: int,
    bank: NoiseBank,
    gsd: float,
    survey: Survey,
) -> FloatArray:
    """Colours [H, W, bands] of the scene in full sun, trees and shadows included.

    Channels are red, green, blue and the film's further bands.
    """
    colours = palette.draw_palette(rng, survey.film)
    image = _roof_table(plan, canvas, first_field, survey.film)
    blended = survey.look == "alike"
    for cover in palette.GROUNDS:
        share = canvas.share(cover)
        if share.any() and not (blended and cover in alike.GRASSES):
            rough = 0.45 if cover in (Cover.GRASS, Cover.MEADOW, Cover.LUSH) else 0.25
            fresh, dry = colours.ground(cover)
            tones = palette.shifted(rng, fresh, 0.06), palette.shifted(rng, dry, 0.06)
            image += share[..., None] * textures.ground_colours(rng, *tones, colours, bank, rough)
    views = [canvas.view(in_pixels(parcel.polygon, gsd)) for parcel in plan.fields]
    if blended:
        image += alike.sward(rng, canvas, enumerate(views, first_field), colours, bank)
    else:
        for k, (parcel, view) in enumerate(zip(plan.fields, views, strict=True)):
            share = canvas.share(first_field + k, view)
            tones_here = textures.field_colours(rng, parcel, colours, view, share, bank, gsd)
            image[view.slices] += share[..., None] * tones_here
    heights = canvas.lookup(_heights(plan, first_field))
    crowns = np.concatenate([np.empty((0, 4)), *plan.crowns])
    return canopy.paint_trees(rng, image, crowns, heights, plan.sun, bank, gsd, survey.film)


def _roof_table(plan: Plan, canvas: Canvas, first_field: int, film: Film) -> FloatArray:
    """The image with nothing on it but roofs."""
    channels = 3 + len(film.further)
    grounds = np.zeros((first_field + len(plan.fields), channels), np.float32)
    roofs = np.array([film.tone(roof.colour) for roof in plan.roofs], np.float32)
    return canvas.lookup(np.concatenate([grounds, roofs.reshape(-1, channels)]))


def _heights(plan: Plan, first_field: int) -> FloatArray:
    """The height in metres of every label."""
    grounds = np.zeros(first_field + len(plan.fields), np.float32)
    return np.concatenate([grounds, np.array([roof.height for roof in plan.roofs], np.float32)])
