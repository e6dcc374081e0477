"""What TensorBoard shows of a run."""

from __future__ import annotations

import time
from pathlib import Path

from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from geomrcnn.training.log import RunLog

NAMES = (
    "total", "rpn_class", "rpn_box", "box_class", "box", "mask", "learning_rate", "seconds",
    "waiting",
)  # fmt: skip


def go(folder: Path, start: int, end: int, value: float) -> None:
    log = RunLog(folder, 9, start=start, every=1, say=lambda line: None)
    for step in range(start + 1, end + 1):
        log.step(step, dict.fromkeys(NAMES, value))


def test_steps_that_are_done_again_are_shown_once(tmp_path: Path) -> None:
    go(tmp_path, 0, 5, 1.0)
    time.sleep(1.1)  # TensorBoard takes files in the order of the seconds in their names
    go(tmp_path, 3, 6, 2.0)
    shown = EventAccumulator(str(tmp_path / "tensorboard"))
    shown.Reload()
    assert [event.step for event in shown.Tensors("train/total")] == [1, 2, 3, 4, 5, 6]
    values = [float(make_ndarray(event.tensor_proto)) for event in shown.Tensors("train/total")]
    assert values == [1.0] * 3 + [2.0] * 3
