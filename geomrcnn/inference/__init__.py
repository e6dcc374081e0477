"""Raster to features: a detector over all tiles, the seams settled, polygons on the map."""
