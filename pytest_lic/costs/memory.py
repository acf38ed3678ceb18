"""The memory that coding takes, and the comparison with what is recorded of it.

    parent                                   child: a fresh interpreter, that codes one codec alone
    MemoryProcess(origin, …) ── starts ────▶ finds the families again
    measure(family, quality) ──────────────▶ peaks of single rounds, growth over many images
       ▲                                        │
       └── bytes ◀──────────────────────────────┘

On the CPU it is resident memory, and the child's allocator maps each larger buffer and gives it
back when it is freed, whatever that of other processes does: the peak is then what coding holds,
and not how it was laid out. So measured, a peak was the same within 1 % or 0.5 MiB in each process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import Memory, MemoryBaseline
from pytest_lic.costs.memory_child import MemoryServer
from pytest_lic.errors import CodecError, UnavailableError
from pytest_lic.project.codec_child import CodecChild
from pytest_lic.project.discovery import Origin
from pytest_lic.system.child_process import ChildDiedError, ChildFailedError, ChildHungError
from pytest_lic.system.environment import Environment, differences
from pytest_lic.system.typed_json import structured

FLOOR = 2**20
"""Bytes by which a peak may rise in any case, and differ without a word."""
LEAK = 2**19
"""Bytes kept of each image that are no chance."""
_ALLOCATOR = {  # mallopt(3) of glibc; setting one keeps it as it is
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_ARENA_MAX": "1",
}


class MemoryProcess(CodecChild):
    """Measures one codec.

    Args:
        origin: how the child finds the families.
        timeout: seconds that it may take.
    """

    def __init__(self, origin: Origin, timeout: float) -> None:
        super().__init__(MemoryServer, origin, _ALLOCATOR)
        self._timeout = timeout

    def measure(self, family: str, quality: str, device: str, threads: int) -> Memory:
        """What it takes.

        Raises:
            CodecError: the codec can't be built, or does not code; or the child died or hung.
            UnavailableError: the codec can't run here, or the system does not tell its memory.
        """
        codec = {"family": family, "quality": quality, "device": device}
        try:
            answer = self.ask("measure", self._timeout, **codec, threads=threads)
        except ChildHungError:
            raise CodecError(f"in a fresh process: no answer in {self._timeout:g} s") from None
        except ChildDiedError as error:
            raise CodecError(f"in a fresh process: it died ({error})") from None
        except ChildFailedError as error:
            raise CodecError(f"in a fresh process: {error}") from None
        if "unavailable" in answer:
            raise UnavailableError(answer["unavailable"])
        return structured(answer, Memory)


def compared_memory(
    subject: str,
    measured: Memory,
    recorded: MemoryBaseline | None,
    here: Environment,
    tolerance: float,
    command: str,
) -> Comparison:
    """The verdict on a codec's memory, with a line for each number that is worse, or better.

    Args:
        subject: what is compared, such as the id of a cell.
        measured: now.
        recorded: None where nothing is; what is kept of each image is looked at all the same.
        here: the environment of the measurement.
        tolerance: percent by which a peak may rise.
        command: the command line that measures again.
    """
    worse, better = moved(measured, None if recorded is None else recorded.memory, tolerance)
    if worse:
        elsewhere = "" if recorded is None else _elsewhere(recorded.environment, here)
        than = "than is recorded" if recorded is not None else "than it should"
        reason = f"it takes more memory {than}; if that is meant, record it: {command} --lic-update"
        return Comparison(subject, Verdict.REGRESSED, reason + elsewhere + _lines(worse))
    if recorded is None:
        reason = f"no memory is recorded; record it: {command} --lic-update-missing"
        return Comparison(subject, Verdict.NEW, reason)
    if better:
        reason = "it takes less memory than is recorded; record it with --lic-update"
        return Comparison(subject, Verdict.IMPROVED, reason + _lines(better))
    same = measured == recorded.memory
    return Comparison(subject, Verdict.SAME if same else Verdict.WITHIN, "")


def moved(
    measured: Memory, recorded: Memory | None, tolerance: float
) -> tuple[list[str], list[str]]:
    """The numbers that are worse, and those that are better, each in words with what it was."""
    numbers, share = list(_numbers(measured, recorded)), tolerance / 100
    worse = [number.text(tolerance) for number in numbers if number.rises(share)]
    return worse, [number.text(tolerance) for number in numbers if number.falls(share)]


def memory_text(memory: Memory) -> str:
    """Such as ``encoder 67.0 MiB at 512×512, decoder 66.3 MiB at 512×512``."""
    parts = []
    for name, side in memory.sides().items():
        largest = max(side.peaks, key=int)
        parts.append(f"{name} {_mib(side.peaks[largest])} MiB at {largest}×{largest}")
    return ", ".join(parts)


@dataclass(frozen=True)
class _Number:
    """One number beside the recorded one; ``room`` is what it may rise by in any case."""

    what: str
    unit: str
    recorded: float
    measured: float
    room: float

    def rises(self, share: float) -> bool:
        return self.measured > self.recorded * (1 + share) + self.room

    def falls(self, share: float) -> bool:
        return self.measured < self.recorded * (1 - share) - self.room

    def text(self, tolerance: float) -> str:
        numbers = f"{self.what}: {_mib(self.recorded)} → {_mib(self.measured)} {self.unit}"
        if self.recorded <= 0:
            return numbers
        change = 100 * (self.measured / self.recorded - 1)
        return f"{numbers} ({change:+.1f} %, tolerance {tolerance:g} % and {_mib(self.room)} MiB)"


def _numbers(measured: Memory, recorded: Memory | None) -> Iterator[_Number]:
    """Those that both have; growth alone where nothing is recorded."""
    before = {} if recorded is None else recorded.sides()
    for name, side in measured.sides().items():
        old = before.get(name)
        if old is not None:
            for pixels in [pixels for pixels in side.peaks if pixels in old.peaks]:
                what = f"{name}, {pixels}×{pixels}"
                yield _Number(what, "MiB", old.peaks[pixels], side.peaks[pixels], FLOOR)
            if side.peaks.keys() == old.peaks.keys():
                room = FLOOR / side.megapixels
                rises = (old.per_megapixel, side.per_megapixel)
                yield _Number(f"{name}, per megapixel", "MiB", *rises, room)
        kept = 0 if old is None else old.growth
        yield _Number(f"{name}, kept of each image", "MiB", kept, side.growth, LEAK)


def _mib(size: float) -> str:
    return f"{size / 2**20:.1f}"


def _lines(numbers: list[str]) -> str:
    return "".join(f"\n  {number}" for number in numbers)


def _elsewhere(then: Environment, now: Environment) -> str:
    """What is another environment now, which may be why."""
    moved = differences(then, now)
    return f"; it was recorded elsewhere: {', '.join(moved)}" if moved else ""
