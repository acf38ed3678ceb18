"""What each slice of training took and what it came to: a file of one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_lic.errors import UsageError

NAME = "ledger.jsonl"


@dataclass(frozen=True)
class Slice:
    """One slice of one network's training.

    Args:
        network: such as ``msh-gdn-2``.
        steps: of the network so far, this slice included.
        pixels: of this slice's crops.
        minutes: that this slice trained, start-up left out.
        device: cpu or cuda.
        machine: the processor and its threads, or the GPU.
        processes: that trained side by side on the machine.
        loss: the last validation loss, of held-out photographs; None before the first.
        ended: when, UTC, ISO 8601.
    """

    network: str
    steps: int
    pixels: int
    minutes: float
    device: str
    machine: str
    processes: int
    loss: float | None
    ended: str

    @property
    def megapixels_per_second(self) -> float:
        """While it trained."""
        return self.pixels / 1e6 / (60.0 * self.minutes) if self.minutes else 0.0


def append(runs: Path, done: Slice) -> None:
    """Add a line to the ledger in ``runs``."""
    with (runs / NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(done), ensure_ascii=False) + "\n")


def read(runs: Path) -> list[Slice]:
    """Every slice so far; a last line that was not finished is left out.

    Raises:
        UsageError: naming the line that is no slice.
    """
    path = runs / NAME
    if not path.is_file():
        return []
    slices = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            slices.append(Slice(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{path}, line {number}: no slice of training ({error}); take the line out"
            ) from error
    return slices


def gigapixels(slices: Iterable[Slice]) -> dict[str, float]:
    """Network → gigapixels over all slices."""
    totals: dict[str, float] = {}
    for done in slices:
        totals[done.network] = totals.get(done.network, 0.0) + done.pixels / 1e9
    return totals
