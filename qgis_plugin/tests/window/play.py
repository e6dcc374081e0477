"""All scenes, one after another. `qgis --code` runs this file in QGIS, once its window is up."""

from __future__ import annotations

import os
import sys

# QGIS runs the text of this file, which does not know where it came from.
sys.path.insert(0, os.environ["GEOMRCNN_SCENES"])

import first_run
import prediction
import review
from driver import Driver

driver = Driver()
driver.play(
    first_run.imagery,
    first_run.nothing_chosen,
    first_run.environment,
    first_run.options,
    prediction.polygons,
    review.verdicts,
    prediction.progress_and_cancel,
    prediction.failures,
)
