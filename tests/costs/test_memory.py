"""The memory of coding: what it is compared with, and the words of what is more."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import Memory, MemoryBaseline, SideMemory
from pytest_lic.costs.memory import compared_memory, memory_text
from tests.helpers.measurements import ELSEWHERE, HERE

MIB = 2**20
SIDE = SideMemory({"256": 17 * MIB, "512": 67 * MIB}, 0)
RECORDED = Memory(SIDE, SIDE)


def verdict(measured: Memory, tolerance: float = 10, *, recorded: bool = True) -> Comparison:
    baseline = MemoryBaseline(RECORDED, HERE) if recorded else None
    return compared_memory("toy-q3", measured, baseline, HERE, tolerance, "pytest -m memory")


def decoder(small: float = 17, large: float = 67, growth: int = 0) -> Memory:
    peaks = {"256": round(small * MIB), "512": round(large * MIB)}
    return replace(RECORDED, decoder=SideMemory(peaks, growth))


def test_what_is_as_recorded_is_the_same_and_a_little_more_is_within() -> None:
    assert verdict(RECORDED).verdict is Verdict.SAME
    assert verdict(decoder(17.9, 73)).verdict is Verdict.WITHIN


def test_a_fifth_more_is_named_by_side_and_size() -> None:
    told = verdict(decoder(17 * 1.2, 67 * 1.2))
    assert told.verdict is Verdict.REGRESSED
    assert told.reason.splitlines() == [
        "it takes more memory than is recorded; if that is meant, record it: "
        "pytest -m memory --lic-update",
        "  decoder, 256×256: 17.0 → 20.4 MiB (+20.0 %, tolerance 10 % and 1.0 MiB)",
        "  decoder, 512×512: 67.0 → 80.4 MiB (+20.0 %, tolerance 10 % and 1.0 MiB)",
        "  decoder, per megapixel: 254.3 → 305.2 MiB (+20.0 %, tolerance 10 % and 5.1 MiB)",
    ]
    assert verdict(decoder(17 * 1.2, 67 * 1.2), tolerance=25).verdict is Verdict.WITHIN


def test_what_rises_at_one_size_and_falls_at_the_other_is_told_per_megapixel() -> None:
    told = verdict(decoder(15.6, 74.5))
    assert told.verdict is Verdict.REGRESSED
    assert [line.split(":")[0].strip() for line in told.reason.splitlines()[1:]] == [
        "decoder, per megapixel"
    ]


def test_a_leak_is_named_though_nothing_is_recorded() -> None:
    told = verdict(decoder(growth=MIB), recorded=False)
    assert told.verdict is Verdict.REGRESSED
    assert told.reason.endswith("\n  decoder, kept of each image: 0.0 → 1.0 MiB")
    assert verdict(decoder(growth=MIB)).verdict is Verdict.REGRESSED
    assert verdict(decoder(growth=MIB // 4)).verdict is Verdict.WITHIN


def test_nothing_recorded_says_how_to() -> None:
    told = verdict(RECORDED, recorded=False)
    assert told.verdict is Verdict.NEW
    assert told.reason.endswith("record it: pytest -m memory --lic-update-missing")


def test_less_is_an_improvement() -> None:
    told = verdict(decoder(10, 40))
    assert told.verdict is Verdict.IMPROVED
    assert "decoder, 512×512: 67.0 → 40.0 MiB (-40.3 %" in told.reason


def test_more_elsewhere_says_what_is_another_there() -> None:
    baseline = MemoryBaseline(RECORDED, ELSEWHERE)
    measured = decoder(30, 120)
    told = compared_memory("toy-q3", measured, baseline, HERE, 10, "pytest -m memory")
    assert "it was recorded elsewhere: " in told.reason
    assert "torch 2.7 (now 2.6)" in told.reason


def test_in_a_line() -> None:
    text = "encoder 67.0 MiB at 512×512, decoder 67.0 MiB at 512×512"
    assert memory_text(RECORDED) == text
