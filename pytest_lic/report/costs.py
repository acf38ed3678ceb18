"""What coding costs, as the rows of two tables: complexity, and memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_lic.baselines.comparison import Comparison
from pytest_lic.baselines.costs import Complexity, SideMemory
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.report.markdown.text import escaped
from pytest_lic.results.results import Results

COMPLEXITY = (
    "codec",
    "encoder, kMAC/pixel",
    "decoder, kMAC/pixel",
    "parameters",
    "weights, bytes",
    "verdict",
)
"""Headings; all between the first and the last are numbers."""
MEMORY = (
    "codec",
    "encoder, MiB",
    "encoder, MiB a megapixel",
    "decoder, MiB",
    "decoder, MiB a megapixel",
    "verdict",
)
"""Headings likewise; the peaks are those of the largest image."""


@dataclass(frozen=True)
class CostRow:
    """One quality: ``numbers`` as the headings have them, each with what stands small behind it."""

    codec: str
    numbers: Sequence[tuple[str, str]]
    comparison: Comparison


def complexity_rows(results: Results) -> list[CostRow]:
    """Those that were counted, in the order of families and qualities."""
    rows = []
    for result in results.complexity:
        if result.measured is not None:
            now, then = result.measured, result.baseline
            numbers = [
                *(_operations(now, then, side) for side in now.sides()),
                *(_whole(now, then, name) for name in ("parameters", "weight_bytes")),
            ]
            rows.append(CostRow(f"{result.family} q{result.quality}", numbers, result.comparison))
    return rows


def memory_rows(results: Results) -> list[CostRow]:
    """Those that were measured, in the same order."""
    rows = []
    for result in results.memory:
        if result.measured is not None:
            then = {} if result.baseline is None else result.baseline.sides()
            numbers = [
                number
                for name, side in result.measured.sides().items()
                for number in _peaks(side, then.get(name))
            ]
            codec = f"{result.family} q{result.quality} on {result.device}"
            rows.append(CostRow(codec, numbers, result.comparison))
    return rows


def told_in_markdown(rows: Iterable[CostRow]) -> list[tuple[str, ...]]:
    """The rows as cells of text; what stands small is left out."""
    return [
        (escaped(row.codec), *(number for number, _ in row.numbers), row.comparison.verdict.value)
        for row in rows
    ]


def _operations(now: Complexity, then: Complexity | None, side: str) -> tuple[str, str]:
    stages = ", ".join(f"{stage} {count:.6g}" for stage, count in now.sides()[side].items())
    return _moved(now.total(side), None if then is None else then.total(side)), stages


def _whole(now: Complexity, then: Complexity | None, name: str) -> tuple[str, str]:
    old = None if then is None else getattr(then, name)
    return _moved(getattr(now, name), old, "{:d}"), ""


def _peaks(now: SideMemory, then: SideMemory | None) -> list[tuple[str, str]]:
    largest = max(now.peaks, key=int)
    if then is None or then.peaks.keys() != now.peaks.keys():
        old_peak = old_slope = None
    else:
        old_peak, old_slope = then.peaks[largest] / 2**20, then.per_megapixel / 2**20
    kept = f"{now.growth / 2**20:.2f} kept of each image" if now.growth > 2**14 else ""
    return [
        (_moved(now.peaks[largest] / 2**20, old_peak, "{:.1f}"), f"{largest}×{largest} {kept}"),
        (_moved(now.per_megapixel / 2**20, old_slope, "{:.1f}"), ""),
    ]


def _moved(now: float | None, then: float | None, form: str = "{:.6g}") -> str:
    """Such as ``12.4 → 13.9``, or one number where they look alike."""
    known = [form.format(number) for number in (then, now) if number is not None]
    return " → ".join(dict.fromkeys(known)) or NONE
