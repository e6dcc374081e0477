"""The review panel: polygons one by one, a verdict on each, and what becomes of them.

`entry`, `order`, `queue`, `classes` and `beside` know nothing of QGIS; `verdicts` reads and writes
the layer; `session` is one review of one layer; `panel` is what the user sees.
"""
