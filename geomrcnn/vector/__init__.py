"""Masks to polygons: contours, seams between tiles, simplification. All in raster pixels."""
