"""Pure tensor functions without weights, each checked against a slow NumPy reference."""
