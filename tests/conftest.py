"""Fixtures for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOWEST_FIRST = ("training", "export", "cli", "inference", "network")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take longest: of several workers none has one left at the end."""
    rank = {name: place for place, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(rank)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference fixtures and real imagery beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder of reference fixtures and imagery beside the repository")
    return folder
