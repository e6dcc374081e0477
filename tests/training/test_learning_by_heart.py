"""The longest test, in a file of its own: files are what is shared out between processes."""

from __future__ import annotations

from geomrcnn.data.augmentation import STILL
from geomrcnn.data.landscape.write import write_dataset
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.table import read_table
from geomrcnn.training.train import train


def test_eight_tiles_are_learnt_by_heart(tmp_path):
    """The classic proof that nothing in the chain is crossed: mask AP50 of at least 0.95."""
    write_dataset(tmp_path / "tiles", 8, 256, 2.0, seed=0, overwrite=False)
    training = TrainingConfig(
        steps=300, batch=2, tile=256, learning_rate=0.012, warmup_steps=40, checkpoint_steps=300
    )
    train(
        [tmp_path / "tiles"],
        tmp_path / "run",
        gsd=2.0,
        training=training,
        augmentation=STILL,
        validation=tmp_path / "tiles",
        bundle=False,
    )
    (scores,) = read_table(tmp_path / "run/validation.csv")
    assert scores["mask AP50"] >= 0.95
