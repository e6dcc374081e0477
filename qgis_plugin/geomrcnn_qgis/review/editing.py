"""Changing an outline with QGIS's own vertex tool."""

from __future__ import annotations

from qgis.core import QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt import sip

from .verdicts import NotWritten, tr


class OutlineEditing:
    """Turns editing of a layer on for one outline, and saves it when that is done.

    A layer that the user was editing anyway is left in edit mode, and unsaved.
    """

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        self._layer: QgsVectorLayer | None = None

    def begin(self, layer: QgsVectorLayer) -> None:
        """Take up the vertex tool.

        The feature is not selected: QGIS fills what is selected, and would hide the imagery.

        Raises:
            NotWritten: the layer cannot be edited.
        """
        if not layer.isEditable():
            if not layer.startEditing():
                raise NotWritten(tr("The outlines of this layer cannot be changed."))
            self._layer = layer
            layer.editingStopped.connect(self._forget)
            layer.willBeDeleted.connect(self._forget)
        self._iface.setActiveLayer(layer)
        self._iface.actionVertexToolActiveLayer().trigger()

    def is_under_way(self) -> bool:
        """Whether editing was turned on here, and is not over."""
        return self._layer is not None

    def finish(self) -> None:
        """Save the outline, turn editing off and take up the tool that pans, if it is under way.

        Raises:
            NotWritten: the layer could not be saved; it stays in edit mode.
        """
        layer = self._layer
        if layer is None:
            return
        if not layer.commitChanges():
            raise NotWritten(" ".join(layer.commitErrors()[:1]) or tr("The layer was not saved."))
        self._iface.actionPan().trigger()

    def _forget(self) -> None:
        if self._layer is not None and not sip.isdeleted(self._layer):
            self._layer.editingStopped.disconnect(self._forget)
            self._layer.willBeDeleted.disconnect(self._forget)
        self._layer = None
