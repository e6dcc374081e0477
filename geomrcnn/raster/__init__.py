"""Imagery in: any raster GDAL opens, read as tiles at the model's ground sample distance."""
