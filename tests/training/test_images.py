"""What is said while the data of a run is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomrcnn.training import images
from geomrcnn.training.sources import Source
from tests.labelled import squares, write_layer, write_scene


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_work_on_rasters_is_told_where_it_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float
) -> None:
    monkeypatch.setattr(images, "EVERY", every)
    shapes = squares(8, 8, 32, 18)
    raster = write_scene(tmp_path / "a.tif", 256, shapes)
    labels = write_layer(tmp_path / "l.gpkg", shapes)
    lines: list[str] = []
    images.open_images(
        [Source.of(raster, labels=[labels])], None, gsd=2.0, bands=None, tile=32, say=lines.append
    )
    told = [line for line in lines if line.endswith("windows looked at")]
    if every:
        assert not told
    else:
        done, _, total = told[-1].split()[1:4]
        assert done == total
        assert told[-1].startswith(f"{raster}: ")
