"""Further bands of a synthetic scene: plausible, and no matter to its colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from rasterio.features import rasterize

from geomrcnn.data.landscape import Scene, Survey, landscape
from geomrcnn.data.landscape.layout import draw_plan
from geomrcnn.data.landscape.palette import CROPS
from geomrcnn.data.landscape.plan import Cover
from geomrcnn.data.landscape.scene import draw_ground
from geomrcnn.data.landscape.spectra import CROP_LEAVES, FILMS, code, reflectance, written

SIZE = (160, 160)
GREEN, GRAVEL = (66.0, 91.0, 66.0), (180.0, 176.0, 160.0)


@pytest.mark.parametrize("seed", [0, 7])
def test_colours_do_not_depend_on_further_bands(seed: int) -> None:
    plain, infrared = landscape(seed, SIZE, 2.0), landscape(seed, SIZE, 2.0, Survey(4))
    np.testing.assert_array_equal(infrared.image[..., :3], plain.image)
    assert [p.wkb for p in infrared.fields] == [p.wkb for p in plain.fields]
    assert infrared.film.names == ("red", "green", "blue", "nir")


def test_the_plain_scenes_stay_what_they_were() -> None:
    """Means of red, green and blue of scenes drawn before there were further bands."""
    near, far = landscape(0, (96, 128)), landscape(7, (64, 100), 4.0)
    np.testing.assert_allclose(near.image.mean((0, 1)), [123.663, 141.698, 100.093], atol=0.02)
    np.testing.assert_allclose(far.image.mean((0, 1)), [104.307, 121.406, 90.663], atol=0.02)
    assert (len(near.fields), len(far.fields)) == (4, 8)


def test_sixteen_bits_are_reflectances_of_the_same_picture() -> None:
    deep = landscape(3, SIZE, 2.0, Survey(12, "uint16"))
    assert deep.image.dtype == np.uint16
    assert deep.image.shape == (*SIZE, 12)
    assert deep.film.names[3] == deep.film.red == "b04"
    assert 200 < np.median(deep.image[..., 3]) < 3500
    assert deep.image.max() < 15_000
    colours = landscape(3, SIZE, 2.0).image.astype(float)
    red = 255 * (deep.image[..., 3] / 7000) ** (1 / 2.2)
    assert np.corrcoef(red.ravel(), colours[..., 0].ravel())[0, 1] > 0.97


def test_leaves_are_bright_in_infrared_and_dark_in_red() -> None:
    for name, (dense, _) in CROP_LEAVES.items():
        red, _, _, infrared = reflectance(np.array(FILMS[4].tone(CROPS[name].dense, dense)))
        index = (infrared - red) / (infrared + red)
        assert dense < 0.9 or index > 0.6, name
        assert dense > 0.1 or index < 0.5, name
    assert CROP_LEAVES.keys() == CROPS.keys()


def test_spectra_are_shaped_as_in_nature() -> None:
    film = FILMS[12]
    leaf, stone = film.tone(GREEN, 0.95), film.tone(GRAVEL)
    names = ("red", "green", "blue", *film.further)
    b = {n: (x, y) for n, x, y in zip(names, leaf, stone, strict=True)}
    assert b["red"][0] < b["b05"][0] < b["b06"][0] < b["b08"][0]  # the red edge
    assert b["b08"][0] > b["b11"][0] > b["b12"][0]  # the water in leaves
    assert b["b08"][1] < b["b11"][1]  # soils brighten into the short-wave infrared
    (wet, _) = film.ground(Cover.WATER, (GREEN, GREEN))
    assert max(wet[3:]) < min(b["b08"]) / 2


def test_codes_and_reflectances() -> None:
    shares = np.linspace(0, 0.9, 50)
    np.testing.assert_allclose(reflectance(code(shares)), shares, atol=1e-12)
    image = np.array([[[-9.0, 127.5, 300.0]]], np.float32)
    np.testing.assert_array_equal(written(image, "uint8")[0, 0], [0, 128, 255])
    assert written(image, "uint16")[0, 0, 0] == 0


def test_alike_fields_show_in_infrared_only() -> None:
    on_red, on_infrared = [], []
    for seed in range(4):
        scene = landscape(seed, (256, 256), 3.0, Survey(4, look="alike"))
        field, meadow = _inside(scene), _grass(seed, scene)
        if not (field.any() and meadow.any()):
            continue
        apart = _apart(scene.image[field], scene.image[meadow])
        on_red.append(apart[:3].max())
        on_infrared.append(apart[3])
    assert len(on_red) >= 2
    assert np.mean(on_infrared) > 1.5
    assert np.mean(on_red) < 0.5


def _inside(scene: Scene) -> npt.NDArray[np.bool_]:
    inset = [field.buffer(-3) for field in scene.fields]
    return rasterize([f for f in inset if not f.is_empty], scene.image.shape[:2]).astype(bool)


def _grass(seed: int, scene: Scene) -> npt.NDArray[np.bool_]:
    """Where the plan has meadow and nothing taller."""
    planning = np.random.default_rng(seed).spawn(4)[0]
    plan = draw_plan(planning, 768.0, 768.0, 0.5)
    canvas, _ = draw_ground(plan, (256, 256), scene.gsd)
    return canvas.share(Cover.MEADOW) == 1


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distance of the medians of bands, in deviations."""
    spread = (one.std(axis=0) + other.std(axis=0)) / 2
    distance: np.ndarray = np.abs(np.median(one, axis=0) - np.median(other, axis=0)) / spread
    return distance
