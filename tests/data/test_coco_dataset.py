from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin
from scipy.ndimage import gaussian_filter
from shapely.geometry import MultiPolygon

from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import PixelType
from geomrcnn.data.masks import decode_rle
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.data.report import LabelReport
from geomrcnn.errors import DataError, GeomrcnnError
from geomrcnn.raster.tile import Window

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

HEIGHT, WIDTH = 60, 80
SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
UTM = CRS.from_epsg(32632)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With an RGB PNG of noise in `images`."""
    (tmp_path / "images").mkdir()
    write(tmp_path / "images/a.png", noise(3), driver="PNG")
    return tmp_path


def noise(bands: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(1, 256, (bands, HEIGHT, WIDTH), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray, **options: Any) -> None:
    bands, height, width = pixels.shape
    options = {"driver": "GTiff", "dtype": pixels.dtype, **options}
    with rasterio.open(path, "w", count=bands, height=height, width=width, **options) as out:
        out.write(pixels)


def coco(
    folder: Path,
    *segmentations: Any,
    image: dict[str, Any] | None = None,
    categories: Any = ((1, "field"),),
    **annotation: Any,
) -> Path:
    """Write a COCO file about one image."""
    document = {
        "images": [
            {"id": 7, "file_name": "a.png", "height": HEIGHT, "width": WIDTH, **(image or {})}
        ],
        "categories": [{"id": i, "name": name} for i, name in categories],
        "annotations": [
            {"id": k, "image_id": 7, "category_id": 1, "segmentation": s, **annotation}
            for k, s in enumerate(segmentations)
        ],
    }
    path = folder / "coco.json"
    path.write_text(json.dumps(document))
    return path


def test_reads_images_and_polygons(folder: Path) -> None:
    dataset = CocoDataset(coco(folder, [SQUARE]))
    sample = dataset.sample(0)
    assert (len(dataset), dataset.classes, dataset.name(0)) == (1, ("field",), "a.png")
    assert dataset.gsd(0) is None
    np.testing.assert_array_equal(sample.image, noise(3).transpose(1, 2, 0))
    assert sample.valid is None
    assert sample.instances[0].box == (10, 10, 30, 30)
    assert sample.instances[0].class_id == 1
    assert dataset.report == LabelReport(images=1, instances=1, crowds=0, repaired=0, dropped=0)


@pytest.mark.parametrize("place", ["a.png", "images/a.png", "../images/a.png"])
def test_finds_images_in_or_beside_the_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "annotations/images").mkdir(parents=True)
    (tmp_path / "images").mkdir()
    write(tmp_path / "annotations" / place, noise(3), driver="PNG")
    assert CocoDataset(coco(tmp_path / "annotations")).sample(0).image.shape == (HEIGHT, WIDTH, 3)


def test_alpha_is_no_band(folder: Path) -> None:
    pixels = noise(4)
    pixels[3] = 255
    pixels[3, :5] = 0
    write(folder / "images/a.png", pixels, driver="PNG")
    sample = CocoDataset(coco(folder)).sample(0)
    assert sample.image.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(sample.image[5:], pixels[:3, 5:].transpose(1, 2, 0))
    assert sample.valid is not None
    np.testing.assert_array_equal(sample.valid, pixels[3] > 0)


def test_several_rings_are_parts_of_one_object(folder: Path) -> None:
    parts = [SQUARE, [40, 10, 50, 10, 50, 20], [25, 10, 35, 10, 35, 30, 25, 30]]
    (instance,) = CocoDataset(coco(folder, parts)).sample(0).instances
    assert isinstance(instance.geometry, MultiPolygon)
    assert instance.geometry.area == pytest.approx(500 + 50)


def test_outlines_are_repaired_clipped_and_dropped_where_empty(folder: Path) -> None:
    tie = [10, 10, 30, 30, 30, 10, 10, 30]
    beyond = [70, 50, 90, 50, 90, 70, 70, 70]
    flat, point = [1, 1, 5, 5, 9, 9], [3, 3, 4, 4]
    dataset = CocoDataset(coco(folder, [tie], [beyond], [flat], [point], []))
    first, second = dataset.sample(0).instances
    assert first.geometry.area == pytest.approx(200)
    assert second.box == (70, 50, 80, 60)
    assert dataset.report.instances == 2
    assert dataset.report.dropped == 3
    assert dataset.report.repaired >= 1


@pytest.mark.parametrize("compressed", [True, False])
def test_run_length_masks_become_outlines_along_pixels(folder: Path, compressed: bool) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:20, 3:9], mask[8:11, 5:7], mask[40:50, 60:80] = 1, 0, 1
    if compressed:
        rle = coco_mask.encode(np.asfortranarray(mask))
        rle["counts"] = rle["counts"].decode()
    else:
        flat = mask.ravel(order="F")
        edges = np.flatnonzero(np.diff(flat, prepend=0))
        counts = np.diff([0, *edges, flat.size]).tolist()
        rle = {"counts": counts, "size": [HEIGHT, WIDTH]}
    (instance,) = CocoDataset(coco(folder, rle, iscrowd=1)).sample(0).instances
    assert instance.crowd
    assert instance.geometry.area == mask.sum()
    np.testing.assert_array_equal(pixel_mask(instance.geometry, Window(0, 0, WIDTH, HEIGHT)), mask)


def test_category_ids_may_start_anywhere_and_have_gaps(folder: Path) -> None:
    categories = ((7, "tree"), (0, "field"), (3, "pond"))
    dataset = CocoDataset(coco(folder, [SQUARE], categories=categories, category_id=3))
    assert dataset.classes == ("field", "pond", "tree")
    assert dataset.sample(0).instances[0].class_id == 2


def test_resamples_to_a_told_gsd(folder: Path) -> None:
    path = coco(folder, [SQUARE], image={"gsd": 1.0})
    half = CocoDataset(path, gsd=2.0)
    sample = half.sample(0)
    assert half.gsd(0) == 2.0
    expected = noise(3).reshape(3, HEIGHT // 2, 2, WIDTH // 2, 2).mean((2, 4)).transpose(1, 2, 0)
    assert np.abs(sample.image - expected).max() <= 0.5
    assert sample.instances[0].box == (5, 5, 15, 15)
    # A mapping has the last word: here it says the image is at 4 m.
    assert CocoDataset(path, gsd=2.0, gsd_by_name={"a.png": 4.0}).sample(0).image.shape[0] == 120
    assert CocoDataset(path).gsd(0) == 1.0
    assert CocoDataset(path, gsd=1.005).sample(0).image.shape == (HEIGHT, WIDTH, 3)


def test_an_unknown_gsd_leaves_the_image_as_it_is(folder: Path) -> None:
    dataset = CocoDataset(coco(folder, [SQUARE]), gsd=2.0)
    assert dataset.gsd(0) is None
    assert dataset.sample(0).image.shape == (HEIGHT, WIDTH, 3)


def test_resamples_by_the_georeference(folder: Path) -> None:
    write(folder / "a.tif", noise(3), crs=UTM, transform=from_origin(500_000, 5_000_000, 0.5, 0.5))
    dataset = CocoDataset(coco(folder, [SQUARE], image={"file_name": "a.tif"}), gsd=1.0)
    sample = dataset.sample(0)
    assert dataset.gsd(0) == 1.0
    assert sample.image.shape == (HEIGHT // 2, WIDTH // 2, 3)
    np.testing.assert_allclose(sample.instances[0].box, (5, 5, 15, 15), atol=0.02)


def test_pixels_in_degrees_become_square_and_labels_follow(folder: Path) -> None:
    """At 60° north a degree of longitude is half as long as one of latitude."""
    pixels = np.full((3, HEIGHT, WIDTH), 20, np.uint8)
    pixels[:, 10:30, 10:30] = 220
    degree = 1 / 111_320
    grid = Affine(degree, 0, 10, 0, -degree, 60)
    write(folder / "a.tif", pixels, crs=CRS.from_epsg(4326), transform=grid)
    path = coco(folder, [SQUARE], image={"file_name": "a.tif"})
    sample = CocoDataset(path, gsd=0.5).sample(0)
    height, width = sample.image.shape[:2]
    assert abs(width - WIDTH) <= 1
    assert abs(height - 2 * HEIGHT) <= 1
    label = pixel_mask(sample.instances[0].geometry, Window(0, 0, width, height)) > 0
    light = sample.image.mean(axis=2) > 120
    assert (label & light).sum() / (label | light).sum() > 0.97


def test_two_sizes_are_an_error(folder: Path) -> None:
    dataset = CocoDataset(coco(folder, image={"height": 61}))
    for look in (dataset.sample, dataset.pixel_type):
        with pytest.raises(DataError, match=r"80x60 pixels, its labels say 80x61"):
            look(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": {"file_name": "b.png"}}, "image b.png not found"),
        ({"image": {"gsd": 0}}, "GSD must be positive"),
        ({"category_id": 5}, "annotation 0: there is no category with id 5"),
        ({"image_id": 8}, "annotation 0: there is no image with id 8"),
        ({"segmentation": [[1, 2, 3]]}, "annotation 0 of image a.png: its segmentation"),
        ({"segmentation": [["a", 2] * 3]}, "annotation 0 of image a.png: its segmentation"),
        ({"segmentation": {"size": [3, 3]}}, "annotation 0 of image a.png: its segmentation"),
        ({"segmentation": None}, "annotation 0 of image a.png: its segmentation"),
        ({"segmentation": [[90, 50, 99, 50, 99, 59]]}, "of image a.png: lies outside, at x 90 to"),
        ({"image": {"width": "wide"}}, "image a.png: its width must be a whole number, not 'wide'"),
        ({"image": {"width": None}}, "image a.png: has no width"),
        ({"image": {"gsd": "one"}}, "image a.png: its GSD must be positive metres"),
        ({"image_id": None}, "annotation 0: has no image_id"),
        ({"category_id": None}, "annotation 0: has no category_id"),
        ({"category_id": math.inf}, "annotation 0: its category_id must be a whole number"),
        ({"categories": [("one", "field")]}, "category one: its id must be a whole number"),
        ({"categories": [(1, None)]}, "category 1: has no name"),
        (
            {"categories": [(1, "field"), (2, "pond"), (1, "tree")]},
            "category 1: 'tree' has the id of 'field'",
        ),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    folder: Path, change: dict[str, Any], message: str
) -> None:
    path = coco(folder, [SQUARE], **change)
    with pytest.raises(DataError, match=message) as caught:
        CocoDataset(path)
    assert "\n" not in str(caught.value)


def test_two_images_of_one_id(folder: Path) -> None:
    path = coco(folder, [SQUARE])
    document = json.loads(path.read_text())
    document["images"] *= 2
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"image a\.png has the id 7, as another one has"):
        CocoDataset(path)


def test_what_is_smaller_than_a_pixel_is_counted_and_left_out(folder: Path) -> None:
    report = CocoDataset(coco(folder, [SQUARE], [[1, 1, 1.5, 1, 1.5, 1.5]])).report
    assert (report.instances, report.tiny, report.dropped) == (1, 1, 0)
    assert str(report).endswith("1 smaller than a pixel left out")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("annotations", {"0": {}}, "not a COCO instances file: it has no list of annotations"),
        ("annotations", [3], "annotation number 1: must be an object"),
        ("images", ["a.png"], "image number 1: must be an object"),
        ("images", [{"id": 7}], "image 7: has no file_name"),
        ("categories", [None], "category number 1: must be an object"),
    ],
)
def test_lists_of_something_else(folder: Path, key: str, value: Any, message: str) -> None:
    path = coco(folder, [SQUARE])
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(DataError, match=message):
        CocoDataset(path)


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        ({"size": [40, 40], "counts": [100, 1500]}, r"its size is \[40, 40\], .* \[60, 80\]"),
        ({"size": [HEIGHT, WIDTH], "counts": [100, 200]}, "no runs of 4800 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": [5000, -200]}, "no runs of 4800 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": [4799.5, 0.5]}, "no runs of 4800 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": []}, "no runs of 4800 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": ""}, "no compressed runs"),
        ({"size": [HEIGHT, WIDTH], "counts": "P"}, "no compressed runs"),
        ({"size": [HEIGHT, WIDTH], "counts": "11"}, "no runs of 4800 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": "ä"}, "ascii"),
    ],
)
def test_masks_that_do_not_fit_their_image(folder: Path, rle: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"annotation 0 of image a.png: its segm.*{message}"):
        CocoDataset(coco(folder, rle))


@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 70), st.floats(0, 1))
def test_compressed_masks_are_those_of_pycocotools(
    seed: int, width: int, height: int, share: float
) -> None:
    noise = np.random.default_rng(seed).random((height, width))
    mask = gaussian_filter(noise, (seed % 5, seed % 7)) < share
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    rle = {"size": [height, width], "counts": packed["counts"].decode()}
    np.testing.assert_array_equal(decode_rle(rle, width, height), mask)


def test_nodata_is_not_mixed_into_pixels(folder: Path) -> None:
    """A third of the image is nodata; its edge lies within pixels of the result."""
    pixels = np.full((3, HEIGHT, WIDTH), 200, np.uint8)
    pixels[:, :, :27] = 0
    write(folder / "a.tif", pixels, nodata=0)
    path = coco(folder, [SQUARE], image={"file_name": "a.tif", "gsd": 1.0})
    for gsd in (2.0, 0.7, 3.1):
        sample = CocoDataset(path, gsd=gsd).sample(0)
        assert sample.valid is not None
        assert (sample.image[sample.valid] == 200).all()
        assert (sample.image[~sample.valid] == 0).all()
        assert sample.valid.mean() == pytest.approx(53 / 80, abs=0.02)


@pytest.mark.parametrize("told", [True, False])
def test_what_is_too_small_at_the_gsd_is_left_out(folder: Path, told: bool) -> None:
    dot = [1, 1, 3, 1, 3, 3, 1, 3]
    name = "a.png" if told else "a.tif"
    write(folder / "a.tif", noise(3), crs=UTM, transform=from_origin(500_000, 5_000_000, 1, 1))
    image = {"file_name": name, "gsd": 1.0 if told else None}
    path = coco(folder, [SQUARE], [dot], image=image)
    found = [len(CocoDataset(path, gsd=gsd).sample(0).instances) for gsd in (None, 1.5, 4.0)]
    assert found == [2, 2, 1]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"images": 3}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"other\.json: not a"):
        CocoDataset(path)


def test_a_missing_file_is_said_to_be() -> None:
    with pytest.raises(DataError, match=r"nowhere\.json: cannot be read"):
        CocoDataset("nowhere.json")


def test_a_negative_gsd_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="positive metres"):
        CocoDataset(coco(folder), gsd=-1)


def test_a_broken_image_is_one_line(folder: Path) -> None:
    (folder / "images/a.png").write_text("no image")
    with pytest.raises(GeomrcnnError, match=r"a\.png"):
        CocoDataset(coco(folder)).sample(0)


def test_real_fields(shared: Path) -> None:
    dataset = CocoDataset(shared / "data/naip_fields_us/coco_train.json", gsd=2.0)
    assert dataset.report.instances == 1232
    assert dataset.report.repaired == 7
    assert dataset.report.dropped == 0
    sample = dataset.sample(0)
    # 3.14 m in EPSG:3857 are 2.5 m on the ground at 37° north: 1024 pixels become 1280.
    assert sample.image.shape == pytest.approx((1280, 1280, 3), abs=5)
    extents = shapely.bounds([i.geometry for i in sample.instances])
    assert extents.max() <= max(sample.image.shape[:2]) + 0.1
    assert extents[:, 2:].max() > 1270


def test_real_trees_have_ids_from_zero(shared: Path) -> None:
    dataset = CocoDataset(shared / "data/tcd_trees_fixture/test_20221010_single.json")
    assert dataset.classes == ("tree", "canopy")
    ids = [instance.class_id for instance in dataset.sample(0).instances]
    assert (ids.count(1), ids.count(2)) == (34, 14)
    # World Mercator stretches; here, at 48° north, 0.1 m on the map are 0.067 m on the ground.
    gsd = dataset.gsd(0)
    assert gsd is not None
    assert 0.05 < gsd < 0.1


def test_real_nuclei_have_no_alpha(shared: Path) -> None:
    dataset = CocoDataset(shared / "data/dsb2018_nuclei/coco.json")
    assert (len(dataset), dataset.report.instances) == (549, 22024)
    assert dataset.sample(0).image.shape == (256, 256, 3)


def test_chosen_bands_in_the_order_given(folder: Path) -> None:
    dataset = CocoDataset(coco(folder, [SQUARE]), bands=(3, 1))
    assert dataset.pixel_type(0) == PixelType("uint8", ("blue", "red"))
    np.testing.assert_array_equal(dataset.sample(0).image, noise(3)[[2, 0]].transpose(1, 2, 0))
    with pytest.raises(GeomrcnnError, match=r"a\.png: has no band 4, its bands are 1 to 3"):
        CocoDataset(coco(folder, [SQUARE]), bands=(4,)).sample(0)


def test_bands_without_names(folder: Path) -> None:
    deep = noise(2).astype(np.uint16)
    write(folder / "images/a.tif", deep)
    dataset = CocoDataset(coco(folder, image={"file_name": "a.tif"}))
    assert dataset.pixel_type(0) == PixelType("uint16", ("band 1", "band 2"))
