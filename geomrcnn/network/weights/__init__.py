"""Weights from elsewhere: each file reads one foreign format and names its tensors as we do."""
