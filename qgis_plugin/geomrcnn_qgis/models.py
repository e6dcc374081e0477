"""What the plugin has to know of a model before geomrcnn runs."""

from __future__ import annotations

import json
import zipfile

from qgis.core import QgsProcessingException

from .child import child, interpreter

SHIPPED = ("fields", "buildings")
"""Models that come with geomrcnn, the default first."""


def gsd_of(model: str, python: str) -> float:
    """Metres on the ground to a pixel, as a model wants them.

    Args:
        model: The name of a shipped one, or a file.
        python: The interpreter that has geomrcnn.

    Raises:
        QgsProcessingException: there is no such model.
    """
    try:
        if model in SHIPPED:
            models = {one.name: one for one in interpreter.ask(python).models}
            return models[model].gsd
        with zipfile.ZipFile(model) as bundle:
            return float(json.loads(bundle.read("card.json"))["gsd"])
    except child.Failed as error:
        raise QgsProcessingException(str(error)) from error
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise QgsProcessingException(f"{model}: this is no model of geomrcnn's") from error
