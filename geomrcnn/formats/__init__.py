"""Features out and in: one file a format, chosen by the path's suffix."""
