"""The network equals the reference implementations on the same weights, at every stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.run import parity


@pytest.mark.parametrize(
    ("name", "stages"), [("matterport_resnet50", 25), ("torchvision_resnet50_fpn", 19)]
)
def test_every_stage_equals_the_reference(shared: Path, name: str, stages: int) -> None:
    rows = parity(shared / f"fixtures/{name}.npz")
    assert len(rows) == stages
    assert [row for row in rows if not row.ok] == []
