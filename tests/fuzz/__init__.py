"""Hostile inputs by the thousand, made from a seed: scripts/fuzz, and a few in the tests."""
