"""Between QGIS's layers and geomrcnn's files."""
