"""The look of a field and of open ground: soil, moisture, rows, passes of machines, headlands."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from geomrcnn.data.landscape.canvas import View
from geomrcnn.data.landscape.noise import FloatArray, NoiseBank
from geomrcnn.data.landscape.palette import Crop, Palette, mix
from geomrcnn.data.landscape.plan import Cover, Parcel, Pattern
from geomrcnn.data.landscape.spectra import Tone


def passes(rng: np.random.Generator, across: FloatArray, crop: Crop, gsd: float) -> FloatArray:
    """Stripes [H, W] along the rows: one value a pass of the machine, finer ones between.

    `across` is the distance in metres square to the rows. Looked up in one table, as a stripe
    depends on nothing else.
    """
    step = max(gsd / 2, 0.25)
    low = float(across.min())
    count = int((float(across.max()) - low) / step) + 2
    v = np.arange(count) * step
    table = np.zeros(count, np.float32)
    for width, amount in ((crop.swath, 1.0), (crop.swath * 4.1, 0.8), (2.4, 1.0), (1.1, 0.7)):
        if width > 1.2 * gsd:
            values = rng.standard_normal(int(count * step / width) + 2)
            table += (amount * values[(v / width).astype(np.intp)]).astype(np.float32)
    table = ndimage.gaussian_filter1d(table, max(0.3 / step, 0.4))
    table /= max(float(table.std()), 1e-6)
    if rng.random() < 0.35:
        table -= _tramlines(rng, v, gsd)
    stripes: FloatArray = table[((across - low) / step).astype(np.intp)]
    return stripes


def _tramlines(rng: np.random.Generator, v: np.ndarray, gsd: float) -> np.ndarray:
    """Wheel tracks every 18 to 36 m: a pair of narrow bare lines."""
    between = rng.uniform(18.0, 36.0)
    phase = np.mod(v + rng.uniform(0.0, between), between)
    width = max(0.45, 0.6 * gsd)
    pair = np.exp(-(((phase - 2.0) / width) ** 2)) + np.exp(-(((phase - 4.0) / width) ** 2))
    return (rng.uniform(0.8, 2.5) * min(1.0, 0.8 / gsd) * pair).astype(np.float32)


def field_colours(
    rng: np.random.Generator,
    parcel: Parcel,
    palette: Palette,
    view: View,
    inside: FloatArray,
    bank: NoiseBank,
    gsd: float,
) -> FloatArray:
    """Colours [h, w, bands] of a field in its view; `inside` [h, w] is its share of every pixel."""
    crop = palette.draw_crop(rng)
    shape = view.shape
    relief = bank.relief[view.slices]
    across = _across(rng, parcel, view, relief, bank, gsd)
    if min(shape) * gsd > 90.0 and rng.random() < 0.7:
        depth = ndimage.distance_transform_edt(inside > 0.5).astype(np.float32) * np.float32(gsd)
        headland = rng.uniform(9.0, 24.0)
        turned = depth < headland
        across = np.where(turned, depth + float(across.min()), across)
    else:
        turned = None
    uneven = bank.sample(rng, shape, {200.0: 0.7, 80.0: 0.55, 32.0: 0.32, 13.0: 0.12, 5.0: 0.05})
    stripes = passes(rng, across, crop, gsd)
    fading = np.clip(0.7 + 0.5 * bank.sample(rng, shape, {80.0: 1.0}), 0.0, 1.6)
    wet = np.float32(rng.normal(0.0, 0.6) * crop.patchy)
    full = crop.vigour + crop.patchy * uneven + crop.streaks * stripes * fading + wet * relief
    gaps = stripes * bank.sample(rng, shape, {32.0: 0.5, 13.0: 0.8, 5.0: 0.5})
    full -= np.float32(rng.uniform(0.0, 0.35)) * np.clip(gaps - 1.0, 0.0, 2.0)
    if turned is not None:
        full += np.float32(rng.normal(0.0, 0.10)) * turned
    full = _scars(rng, full, crop, relief, bank)
    colours = mix(np.clip(full, -0.15, 1.15), crop.dense, crop.sparse)
    if rng.random() < 0.25:
        draw = _winding(rng, shape, bank, float(rng.uniform(0.03, 0.10)))[..., None]
        grass = mix(0.6 + 0.3 * uneven, *palette.ground(Cover.LUSH))
        colours += np.float32(rng.uniform(0.5, 1.0)) * draw * (grass - colours)
    light = 1.0 + 1.5 * crop.grain * bank.patch(rng, bank.grain, shape)
    light += bank.sample(rng, shape, {5.0: 0.45 * crop.grain, 13.0: 0.3 * crop.grain})
    return colours * light[..., None]


def _across(
    rng: np.random.Generator,
    parcel: Parcel,
    view: View,
    relief: FloatArray,
    bank: NoiseBank,
    gsd: float,
) -> FloatArray:
    """Distance in metres [h, w] square to the rows of a parcel."""
    y = (np.arange(view.row1, view.row2, dtype=np.float32)[:, None] + 0.5) * np.float32(gsd)
    x = (np.arange(view.column1, view.column2, dtype=np.float32)[None] + 0.5) * np.float32(gsd)
    if parcel.pattern is Pattern.CIRCLE and parcel.centre is not None:
        circles: FloatArray = np.hypot(x - parcel.centre[0], y - parcel.centre[1])
        return circles
    sin, cos = np.float32(np.sin(parcel.heading)), np.float32(np.cos(parcel.heading))
    straight: FloatArray = y * cos - x * sin
    if parcel.pattern is Pattern.ROWS:
        return straight
    return np.float32(0.4) * straight + np.float32(rng.uniform(60.0, 140.0)) * relief


def _scars(
    rng: np.random.Generator, full: FloatArray, crop: Crop, relief: FloatArray, bank: NoiseBank
) -> FloatArray:
    """Hollows where water stood, and draws where it runs: bare or rank, unlike the rest."""
    shape = full.shape
    if rng.random() < 0.3:
        spots = bank.sample(rng, shape, {80.0: 1.0, 32.0: 0.4, 13.0: 0.15})
        amount = np.float32(rng.choice((-0.9, -0.5, 0.5)))
        full = full + amount * np.clip((spots - np.float32(rng.uniform(1.6, 2.2))) * 3, 0, 1)
    if rng.random() < 0.35:
        amount = np.float32(rng.choice((-0.7, -0.4, 0.6)))
        full = full + amount * _winding(rng, shape, bank, float(rng.uniform(0.02, 0.07)))
    if rng.random() < 0.2:
        height = relief * np.float32(rng.uniform(3.0, 7.0)) + np.float32(rng.random())
        band = np.abs(height - np.round(height))
        steep = np.clip(bank.sample(rng, shape, {200.0: 1.0}) + 0.3, 0.0, 1.0)
        full = full - np.float32(rng.uniform(0.2, 0.5)) * steep * np.exp(-((band / 0.09) ** 2))
    return full


def _winding(
    rng: np.random.Generator, shape: tuple[int, int], bank: NoiseBank, width: float
) -> FloatArray:
    """Winding lines [h, w], 1 along their middle: where smooth noise passes through zero.

    `width` is in deviations of that noise; about 0.05 makes a line as wide as a waterway.
    """
    level = bank.sample(rng, shape, {200.0: 1.0, 80.0: 0.35, 32.0: 0.08})
    along = np.clip(bank.sample(rng, shape, {200.0: 2.5}) - 0.3, 0.0, 1.0)
    line: FloatArray = along * np.exp(-((level / np.float32(width)) ** 2))
    return line


def ground_colours(
    rng: np.random.Generator,
    fresh: Tone,
    dry: Tone,
    palette: Palette,
    bank: NoiseBank,
    rough: float,
) -> FloatArray:
    """Colours [H, W, bands] of open ground over the whole scene, between its fresh and dry tone."""
    shape = bank.grain.shape
    share = (
        1.0
        - palette.dryness
        + rough
        * bank.sample(
            rng, (shape[0], shape[1]), {200.0: 0.5, 80.0: 0.4, 32.0: 0.4, 13.0: 0.35, 5.0: 0.25}
        )
    )
    light = 1.0 + 0.12 * rough * bank.patch(rng, bank.grain, (shape[0], shape[1]))
    return mix(np.clip(share, -0.3, 1.3), fresh, dry) * light[..., None]
