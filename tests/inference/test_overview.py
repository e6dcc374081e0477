"""What is known of rasters before the work begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geomrcnn.inference.options import Options
from geomrcnn.inference.overview import look_over
from geomrcnn.inference.predict import predict
from tests.oracles.detector import OracleDetector
from tests.rasters import write_raster
from tests.servers import file_ranges, serving


def test_no_key_of_an_url_gets_into_an_output(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", np.ones((3, 64, 64), np.uint8))
    paths = [f"/vsicurl/URL/a.tif?key=geheim{k}" for k in (1, 2)]
    with serving(file_ranges(tmp_path)) as server:
        there = [path.replace("URL", server.url) for path in paths]
        overview = look_over(there, OracleDetector([]), Options())
        frame = predict(there, model=OracleDetector([]))
    told = repr([overview.sheets, overview.sources, frame.to_json()])
    assert "geheim" not in told
    assert "key=***" in told
