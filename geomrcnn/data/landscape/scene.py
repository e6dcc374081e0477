"""One scene: the plan painted, photographed, and its fields outlined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from geomrcnn.data.landscape import canopy, palette, sensor, textures
from geomrcnn.data.landscape.canvas import Canvas
from geomrcnn.data.landscape.layout import draw_plan
from geomrcnn.data.landscape.noise import FloatArray, NoiseBank
from geomrcnn.data.landscape.plan import Cover, Plan


class Scene(NamedTuple):
    """A picture and what is in it.

    Attributes:
        image: uint8 [H, W, 3], red, green, blue.
        fields: outlines in continuous pixel coordinates of the image (x right, y down).
        gsd: metres on the ground per pixel.
    """

    image: npt.NDArray[np.uint8]
    fields: list[Polygon]
    gsd: float


def landscape(seed: int, size: tuple[int, int], gsd: float = 1.0) -> Scene:
    """Draw a synthetic farmland scene of `size` (height, width) pixels of `gsd` metres.

    The same arguments give the same scene. Fields cut by the image border are clipped to it.
    """
    planning, bank_rng, painting, camera = np.random.default_rng(seed).spawn(4)
    plan = draw_plan(planning, size[1] * gsd, size[0] * gsd)
    bank = NoiseBank.draw(bank_rng, size, gsd)
    canvas, first_field = draw_ground(plan, size, gsd)
    image = paint(painting, plan, canvas, first_field, bank, gsd)
    outlines: list[Polygon] = [in_pixels(parcel.polygon, gsd) for parcel in plan.fields]
    return Scene(sensor.expose(camera, image, gsd), outlines, gsd)


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
) -> FloatArray:
    """Colours [H, W, 3] of the scene in full sun, trees and shadows included."""
    colours = palette.draw_palette(rng)
    image = _roof_table(plan, canvas, first_field)
    for cover, (fresh, dry) in palette.GROUNDS.items():
        share = canvas.share(cover)
        if share.any():
            rough = 0.45 if cover in (Cover.GRASS, Cover.MEADOW, Cover.LUSH) else 0.25
            tones = palette.shifted(rng, fresh, 0.06), palette.shifted(rng, dry, 0.06)
            image += share[..., None] * textures.ground_colours(rng, *tones, colours, bank, rough)
    for k, parcel in enumerate(plan.fields):
        view = canvas.view(in_pixels(parcel.polygon, gsd))
        share = canvas.share(first_field + k, view)
        crop = colours.draw_crop(rng)
        tones_here = textures.field_colours(rng, parcel, crop, view, share, bank, gsd)
        image[view.slices] += share[..., None] * tones_here
    heights = canvas.lookup(_heights(plan, first_field))
    crowns = np.concatenate([np.empty((0, 4)), *plan.crowns])
    return canopy.paint_trees(rng, image, crowns, heights, plan.sun, bank, gsd)


def _roof_table(plan: Plan, canvas: Canvas, first_field: int) -> FloatArray:
    """The image with nothing on it but roofs."""
    grounds = np.zeros((first_field + len(plan.fields), 3), np.float32)
    roofs = np.array([roof.colour for roof in plan.roofs], np.float32).reshape(-1, 3)
    return canvas.lookup(np.concatenate([grounds, roofs]))


def _heights(plan: Plan, first_field: int) -> FloatArray:
    """The height in metres of every label."""
    grounds = np.zeros(first_field + len(plan.fields), np.float32)
    return np.concatenate([grounds, np.array([roof.height for roof in plan.roofs], np.float32)])
