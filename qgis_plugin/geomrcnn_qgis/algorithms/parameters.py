"""Parameters of the kinds that several algorithms have."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
)


def choice(name: str, title: str, options: Sequence[str]) -> QgsProcessingParameterEnum:
    """One of several words, of which the first is the usual."""
    return QgsProcessingParameterEnum(
        name, title, options=list(options), defaultValue=options[0], usesStaticStrings=True
    )


def whole(
    name: str, title: str, usual: int, least: int, most: int | None = None
) -> QgsProcessingParameterNumber:
    """A whole number."""
    kind = QgsProcessingParameterNumber.Type.Integer
    return QgsProcessingParameterNumber(name, title, kind, usual, **_bounds(least, most))


def real(
    name: str, title: str, usual: float | None, least: float, most: float | None = None
) -> QgsProcessingParameterNumber:
    """A number, which may be left empty if there is no usual one."""
    kind = QgsProcessingParameterNumber.Type.Double
    return QgsProcessingParameterNumber(
        name, title, kind, usual, optional=usual is None, **_bounds(least, most)
    )


def flag(name: str, title: str) -> QgsProcessingParameterBoolean:
    """Yes or, usually, no."""
    return QgsProcessingParameterBoolean(name, title, defaultValue=False)


def model_file(name: str, title: str) -> QgsProcessingParameterFile:
    """A model that training has made; may be left empty."""
    return QgsProcessingParameterFile(name, title, optional=True, fileFilter="(*.zip)")


def _bounds(least: float, most: float | None) -> dict[str, float]:
    return {"minValue": least} if most is None else {"minValue": least, "maxValue": most}
