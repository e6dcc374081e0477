"""Features as COCO instances, read by pycocotools."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from rasterio.features import rasterize
from rasterio.transform import Affine

from geomrcnn.errors import OutputError
from geomrcnn.formats.coco import solid
from geomrcnn.formats.provenance import SourceRaster
from geomrcnn.formats.writer import write_features
from tests.found import UTM, X, Y, features, provenance

FOUND = features().fillna({"class": "field"})


def test_pycocotools_paints_what_rasterio_does(tmp_path: Path) -> None:
    path = tmp_path / "a.coco.json"
    write_features(FOUND, path, provenance=provenance())
    coco = COCO(path)
    assert coco.dataset["images"] == [
        {"id": 1, "file_name": "ortho.tif", "width": 200, "height": 100}
    ]
    assert [one["name"] for one in coco.dataset["categories"]] == ["field", "prairie sèche"]
    transform = Affine(*provenance().rasters[0].transform)
    for annotation, (_, row) in zip(coco.dataset["annotations"], FOUND.iterrows(), strict=True):
        expected = rasterize([row.geometry], (100, 200), transform=transform)
        painted = coco.annToMask(annotation)
        assert np.abs(painted.astype(int) - expected).sum() <= 0.05 * expected.sum()
        assert annotation["area"] == pytest.approx(row.geometry.area / 4)
        assert annotation["category_id"] == 1 + (row["class"] != "field")
        assert annotation["fragments"] == row["fragments"]
    assert coco.dataset["annotations"][0]["bbox"] == [0, 0, 10, 15]
    assert coco.dataset["annotations"][0]["score"] == 0.9


def test_rasters_of_other_crs_each_have_their_features(tmp_path: Path) -> None:
    path = tmp_path / "a.coco.json"
    frame = FOUND.assign(raster=["ortho.tif", "web.tif", "web.tif"])
    west, _, _, north = frame.to_crs(3857).total_bounds
    web = SourceRaster("web.tif", 90, 90, "EPSG:3857", (1.0, 0.0, west, 0.0, -1.0, north))
    made = provenance()
    both = dataclasses.replace(made, rasters=(*made.rasters, web))
    write_features(frame, path, provenance=both)
    first, second, third = json.loads(path.read_text())["annotations"]
    assert [one["image_id"] for one in (first, second, third)] == [1, 2, 2]
    # Mercator stretches by the secant of the latitude, 45 degrees here.
    assert second["area"] == pytest.approx(1100 * 2, rel=0.02)
    assert 0 <= third["bbox"][0] < 2
    with pytest.raises(OutputError, match=r"nothing is known of the raster 'b\.tif'"):
        write_features(frame.assign(raster="b.tif"), path, overwrite=True, provenance=both)
    with pytest.raises(OutputError, match=r"nothing is known of the raster 'None'"):
        write_features(FOUND, path, overwrite=True, provenance=both)


def test_what_coco_cannot_do_without(tmp_path: Path) -> None:
    path = tmp_path / "a.coco.json"
    with pytest.raises(OutputError, match=r"a\.coco\.json: .* nothing is known of the raster"):
        write_features(FOUND, path)
    with pytest.raises(OutputError, match="there is no class 'barn' among the model's"):
        write_features(FOUND.assign(**{"class": "barn"}), path, provenance=provenance())
    with pytest.raises(OutputError, match=r"only one of .* and ortho\.tif is georeferenced"):
        write_features(FOUND.set_crs(None, allow_override=True), path, provenance=provenance())
    assert list(tmp_path.iterdir()) == []


def test_no_features(tmp_path: Path) -> None:
    path = tmp_path / "a.coco.json"
    write_features([], path, crs=UTM, provenance=provenance())
    assert json.loads(path.read_text())["annotations"] == []


@given(
    st.lists(
        st.tuples(st.floats(1, 90), st.floats(1, 90), st.floats(0.5, 20), st.floats(0.5, 20)),
        max_size=5,
    )
)
def test_pieces_without_holes_cover_the_same(holes: list[tuple[float, ...]]) -> None:
    pierced = shapely.box(0, 0, 120, 120).difference(
        shapely.union_all([shapely.box(x, y, x + w, y + h) for x, y, w, h in holes])
    )
    for polygon in shapely.get_parts(pierced):
        pieces = solid(polygon)
        assert not any(piece.interiors for piece in pieces)
        assert sum(piece.area for piece in pieces) == pytest.approx(polygon.area)
        assert shapely.union_all(pieces).symmetric_difference(polygon).area < 1e-6


def test_pixels_count_from_the_upper_left_corner(tmp_path: Path) -> None:
    path = tmp_path / "a.coco.json"
    write_features(features(geometry=[shapely.box(X + 2, Y - 6, X + 8, Y - 4)] * 3).dropna(),
                   path, provenance=provenance())  # fmt: skip
    (only,) = json.loads(path.read_text())["annotations"]
    assert only["bbox"] == [1, 2, 3, 1]
