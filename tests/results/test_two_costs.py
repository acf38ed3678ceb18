"""What coding costs in two runs is compared, and named where it changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.baselines import entries
from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import Complexity, Costs, Memory, SideMemory
from pytest_lic.errors import ResultsError
from pytest_lic.report.compare import compare_json, compare_markdown, compare_text
from pytest_lic.results.json_file import load, to_text
from pytest_lic.results.recorded_run import load_run
from pytest_lic.results.results import ComplexityResult, MemoryResult, Results, TestResult
from pytest_lic.results.two_runs import compare_results
from tests.helpers.made_results import passing

BEFORE = Complexity({"analysis": 2.788}, {"synthesis": 12.4}, 1000, 4000)
AFTER = replace(BEFORE, decoder={"synthesis": 13.9})
SIDE = SideMemory({"256": 17 * 2**20, "512": 67 * 2**20}, 0)
LEAKING = replace(SIDE, growth=2**21)
SUBJECT = "toy-q3-conformance-native-b1-cpu"
JUDGED = Comparison(SUBJECT, Verdict.REGRESSED, "it takes more than is recorded")


def run(complexity: Complexity, decoder: SideMemory = SIDE) -> Results:
    return replace(
        passing(),
        complexity=(ComplexityResult(JUDGED, "toy", "3", complexity, BEFORE),),
        memory=(MemoryResult(JUDGED, "toy", "3", "cpu", Memory(SIDE, decoder)),),
    )


def test_complexity_and_memory_that_rose_are_named() -> None:
    compared = compare_results(run(BEFORE), run(AFTER, LEAKING))
    assert compared.worse
    text = compare_text(compared)
    assert "regressed: toy-q3, complexity: it takes more than before\n" in text
    assert "  decoder, synthesis: 12.4 → 13.9 kMAC/pixel\n" in text
    assert "regressed: toy-q3, memory on cpu: it takes more than before\n" in text
    assert "  decoder, kept of each image: 0.0 → 2.0 MiB\n" in text
    assert "- decoder, synthesis: 12.4 → 13.9 kMAC/pixel" in compare_markdown(compared)
    verdicts = [cost["verdict"] for cost in compare_json(compared)["costs"]]
    assert verdicts == ["regressed", "regressed"]


def test_what_fell_is_no_worse_and_what_stayed_is_silent() -> None:
    compared = compare_results(run(AFTER), run(BEFORE))
    assert not compared.worse
    assert "improved: toy-q3, complexity: it takes less than before\n" in compare_text(compared)
    assert "complexity" not in compare_text(compare_results(run(AFTER), run(AFTER)))


def test_the_test_that_failed_over_the_baseline_did_not_break() -> None:
    failed = TestResult("t", "failed", ("complexity",), SUBJECT, "regressed")
    after = replace(run(AFTER), tests=(failed,))
    assert not compare_results(run(AFTER), after).broken
    unmeasured = replace(after, complexity=())
    assert [one.subject for one in compare_results(run(AFTER), unmeasured).broken] == [SUBJECT]


def test_runs_of_costs_alone_have_them_in_common() -> None:
    one = replace(run(BEFORE), points=())
    assert compare_results(one, one).compared
    with pytest.raises(ResultsError, match="no cell in common"):
        compare_results(one, replace(one, complexity=(), memory=()))


def test_a_results_file_brings_them_back(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_text(to_text(run(AFTER, LEAKING)))
    assert load(path) == run(AFTER, LEAKING)


def test_a_folder_of_baselines_has_them_too(tmp_path: Path) -> None:
    entries.save(tmp_path, "toy", {}, kept=Costs({"3": BEFORE}))
    assert [one.measured for one in load_run(tmp_path).complexity] == [BEFORE]
    compared = compare_results(load_run(tmp_path), run(AFTER))
    assert [cost.verdict for cost in compared.costs] == [Verdict.REGRESSED]
