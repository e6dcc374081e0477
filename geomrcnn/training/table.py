"""A CSV file with a row for some steps of a run."""

from __future__ import annotations

import csv
from pathlib import Path


class Table:
    """Grows by a row at a time, and is whole after a run that was cut off at any moment.

    Attributes:
        rows: What it holds; numbers by the names of the columns, "step" being the first.
    """

    def __init__(self, path: Path, start: int) -> None:
        """Take up the file where a run is resumed.

        Args:
            path: The file; made with the first row.
            start: Steps done before; what it says of later ones is dropped, for they are about to
                be done again.
        """
        self._path = path
        self.rows = [row for row in read_table(path) if row["step"] <= start]
        if path.exists():
            self._write(self.rows)

    def add(self, row: dict[str, float]) -> None:
        """Append a row, of the same columns as all others."""
        self.rows.append(row)
        if len(self.rows) == 1:
            self._write(self.rows)
            return
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.rows[0]).writerow(row)

    def _write(self, rows: list[dict[str, float]]) -> None:
        partial = self._path.with_name(f".{self._path.name}.partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0] if rows else ["step"])
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(self._path)


def read_table(path: Path) -> list[dict[str, float]]:
    """The rows of a table; none if there is no file. A last line that was cut off is left out."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [
        {"step": int(row["step"]), **{k: float(v) for k, v in row.items() if k != "step"}}
        for row in csv.DictReader(whole.splitlines())
    ]
