"""The model files that ship with the package."""
