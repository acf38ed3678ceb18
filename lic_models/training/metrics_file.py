"""``metrics.csv``: what training measured, one row at a time, continued when a run is resumed."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from lightning.pytorch.loggers import CSVLogger

from pytest_lic.system.files import write_whole

NAME = "metrics.csv"
_FIRST = ("epoch", "step")
_Row = dict[str, Any]


class MetricsFile(CSVLogger):
    """Writes ``metrics.csv`` into the folder of a run, each row as soon as it is known.

    A row's ``step`` counts from 0: it was written after step + 1 steps. Lightning's own CSV log
    deletes what an earlier run has written into the folder; this one goes on with it.

    Args:
        save_dir: the folder of all runs.
        name: that of this run, below it.
    """

    def __init__(self, save_dir: str = "runs", name: str = "codec") -> None:
        super().__init__(save_dir, name, version="")
        self._resumed_at: int | None = None
        self._columns: list[str] | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.log_dir) / NAME

    @property
    def experiment(self) -> Any:
        """What Lightning asks for before a run; here it must not touch any file."""
        return self

    def resume(self, step: int) -> None:
        """Go on with the file that is there, as it was after ``step`` steps."""
        self._resumed_at = step

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Append a row.

        Args:
            metrics: column → number.
            step: the step that it was measured after, from 0.
        """
        row: _Row = {"step": step, **{key: _number(value) for key, value in metrics.items()}}
        if self._columns is None:
            rows = _rows_before(self.path, self._resumed_at)
            self._columns = []
            self._rewrite([*rows, row])
        elif set(row) <= set(self._columns):
            with self.path.open("a", newline="", encoding="utf-8") as file:
                _writer(file, self._columns).writerow(row)
        else:
            self._rewrite([*_rows_before(self.path, None), row])

    def save(self) -> None:
        """Nothing is kept back."""

    def finalize(self, status: str) -> None:
        """Nothing is kept back."""

    def _rewrite(self, rows: list[_Row]) -> None:
        """Replace the file, for its columns or its rows have changed."""
        columns = {column for row in rows for column in row}
        self._columns = [*_FIRST, *sorted(columns - {*_FIRST})]
        text = io.StringIO(newline="")
        writer = _writer(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, text.getvalue().encode())


def _rows_before(path: Path, step: int | None) -> list[_Row]:
    """The rows that had been written after ``step`` steps (None: all), as text.

    A last line that was not finished, since the process was killed, is left out.
    """
    if not path.is_file():
        return []
    lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = csv.DictReader(line for line in lines if line.endswith("\n"))
    limit = math.inf if step is None else step
    return [row for row in rows if int(row["step"]) < limit]


def _writer(file: TextIO, columns: list[str]) -> csv.DictWriter[str]:
    return csv.DictWriter(file, columns, lineterminator="\n")


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
