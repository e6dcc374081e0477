"""What happens after each checkpoint: scores, histograms, the best weights kept."""

from __future__ import annotations

from pathlib import Path

from geomrcnn.network.weights.own import named_weights
from geomrcnn.training.checkpoints import BEST, Checkpoints
from geomrcnn.training.log import RunLog
from geomrcnn.training.trainer import Pause, Trainer
from geomrcnn.training.validation import Validation


class Watch:
    """Looks at a network after each checkpoint, and says whether training is to go on.

    Attributes:
        validation: What scores it; None to train without.
    """

    def __init__(self, trainer: Trainer, log: RunLog, folder: Path) -> None:
        """Watch a trainer; the best weights go to a folder in `folder`."""
        self.validation: Validation | None = None
        self._trainer, self._log = trainer, log
        self._best = Checkpoints(folder / BEST, {"model": trainer.model}, kept=1)

    def __call__(self, pause: Pause) -> bool:
        """Write what there is to tell, so that a run that is cut off later lacks nothing."""
        self._log.report(pause.step)
        weights = named_weights(self._trainer.model)
        self._log.histograms(pause.step, {f"weights/{name}": w for name, w in weights.items()})
        gradients = {f"gradients/{name}": g for name, g in pause.gradients.items()}
        self._log.histograms(pause.step, gradients)
        self._score(pause.step)
        return not self._exhausted()

    def goes_on(self, start: int) -> bool:
        """Make up for a score that a run missed when it was cut off; whether it is to go on."""
        if self.validation is not None and start and not self.validation.knows(start):
            with self._trainer.evaluated_weights():
                self._score(start)
        return start < self._trainer.config.steps and not self._exhausted()

    def _score(self, step: int) -> None:
        if self.validation is None:
            return
        scores = self.validation.measure(self._trainer.model)
        best = self.validation.is_best(scores)
        if best:
            self._best.save(step)
        # Last, so that a run that is cut off in between measures again.
        self.validation.remember(step, scores)
        self._log.images(step, self.validation.pictures())
        self._log.scores(step, scores, note="  (the best so far)" if best else "")
        if self._exhausted():
            self._log.say(f"no better for {self.validation.stale} scores in a row: stopping here")

    def _exhausted(self) -> bool:
        patience = self._trainer.config.patience
        return self.validation is not None and 0 < patience <= self.validation.stale
