"""Other names for classes: to bring several sources of labels together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from geomrcnn.data.dataset import Dataset, Derived, Instance, Sample
from geomrcnn.errors import DataError

IGNORE = "ignore"
"""Target of classes that are neither object nor background: they become crowds."""


def parse_mapping(pairs: Sequence[str]) -> dict[str, str | None]:
    """Read "shed=building", "unsure=ignore" and "pond=", where the last leaves a class out.

    Raises:
        DataError: for what is no such pair.
    """
    mapping: dict[str, str | None] = {}
    for pair in pairs:
        old, sign, new = (part.strip() for part in pair.partition("="))
        if not sign or not old:
            raise DataError(f"'{pair}' is no mapping of a class; write OLD=NEW, OLD=ignore or OLD=")
        mapping[old] = new or None
    return mapping


class Renamed(Derived):
    """A dataset whose classes have other names.

    Classes that get one name become one class; a class renamed to None is left out, as if it were
    background; one renamed to "ignore" becomes crowd: a detection there is neither right nor wrong.

    Attributes:
        classes: The new names, in the order of the old ones.
    """

    def __init__(self, dataset: Dataset, names: Mapping[str, str | None]) -> None:
        """Rename classes of `dataset`; those that `names` does not mention keep their names.

        Raises:
            DataError: there is no such class, or none is left.
        """
        unknown = [name for name in names if name not in dataset.classes]
        if unknown:
            raise DataError(
                f"there is no class '{unknown[0]}' to rename; the data has "
                f"{', '.join(dataset.classes)}"
            )
        super().__init__(dataset)
        self._names = [names.get(name, name) for name in dataset.classes]
        kept = (name for name in self._names if name not in (None, IGNORE))
        self.classes = tuple(dict.fromkeys(name for name in kept if name))
        if not self.classes:
            raise DataError("no class is left after renaming")

    def sample(self, index: int) -> Sample:
        """Image `index` with its objects under their new names."""
        sample = self._dataset.sample(index)
        renamed = (new for instance in sample.instances for new in self._rename(instance))
        return replace(sample, instances=tuple(renamed))

    def _rename(self, instance: Instance) -> Iterator[Instance]:
        name = self._names[instance.class_id - 1]
        if name == IGNORE:
            # A crowd is met by detections of its own class, so there must be one of each.
            for class_id in range(1, len(self.classes) + 1):
                yield replace(instance, class_id=class_id, crowd=True)
        elif name is not None:
            yield replace(instance, class_id=self.classes.index(name) + 1)
