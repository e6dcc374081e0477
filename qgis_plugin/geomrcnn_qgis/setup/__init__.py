"""The environment geomrcnn runs in: making one, or taking one that is there."""
