"""Shards that are not all of one run are refused, and the one that is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, Tolerance
from pytest_lic.errors import ResultsError
from pytest_lic.merging import belonging
from pytest_lic.results.results import FamilyFacts, PointResult, Results, RunFacts, TestResult
from pytest_lic.results.shard_facts import ShardFacts
from tests.helpers.merging import shard_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = RunFacts(NOW, "0.1.0", 0, ("pytest",), "c" * 40, False, False, DEFAULT_TOLERANCES)


def shard(number: int, count: int = 3) -> Results:
    """One of three, with two cells."""
    options = MappingProxyType({"metrics": "psnr", "threads": "1"})
    facts = ShardFacts(number, count, 2, 6, "plan", "baselines", options, ())
    return Results(FACTS, {}, shard=facts)


def three() -> dict[str, Results]:
    return {f"{name}.json": shard(number) for number, name in enumerate("abc", 1)}


def in_order(shards: dict[str, Results]) -> list[str]:
    return [name for name, _ in belonging.in_order({n: shard_of(s) for n, s in shards.items()})]


def with_run(**facts: object) -> Callable[[Results], Results]:
    return lambda one: replace(one, run=replace(one.run, **facts))


def with_shard(**facts: object) -> Callable[[Results], Results]:
    return lambda one: replace(one, shard=replace(one.shard, **facts))  # type: ignore[type-var]


def test_shards_come_in_their_order_whatever_order_they_are_named_in() -> None:
    backwards = dict(reversed(three().items()))
    assert in_order(backwards) == [
        "shard 1/3 (a.json)",
        "shard 2/3 (b.json)",
        "shard 3/3 (c.json)",
    ]


def test_a_missing_shard_is_named() -> None:
    shards = three()
    del shards["b.json"]
    with pytest.raises(ResultsError, match="of 3 shards, 1 shard is missing: 2; run"):
        in_order(shards)


def test_a_doubled_shard_is_named() -> None:
    shards = three() | {"again.json": shard(2)}
    with pytest.raises(ResultsError, match=r"shard 2/3 is there twice: again.json and .*b.json"):
        in_order(shards)


def test_a_whole_run_is_no_shard() -> None:
    shards = three() | {"whole.json": Results(FACTS, {})}
    with pytest.raises(ResultsError, match=r"^whole.json is no shard, but of a whole run"):
        in_order(shards)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (with_run(commit="d" * 40), "commit d"),
        (with_run(changed=True), "uncommitted changes True"),
        (with_run(pytest_lic="0.2.0"), "pytest-lic 0.2.0"),
        (with_run(strict=True), "--lic-strict True"),
        (with_run(tolerances={"bd_rate": Tolerance(9.0, 9.0)}), "tolerances "),
        (with_shard(options={"metrics": "psnr", "threads": "2"}), "--lic-threads 2"),
        (with_shard(options={"metrics": "psnr"}), "options "),
        (with_shard(baselines="others"), "baselines of digest others"),
        (with_shard(plan="other"), "a plan of digest other"),
        (with_shard(whole=7), "a whole grid of cells 7"),
        (lambda one: replace(one, families={"x": FamilyFacts({"1": None}, {})}), "codecs"),
    ],
)
def test_a_shard_of_another_run_is_named(change: Callable[[Results], Results], what: str) -> None:
    shards = three()
    shards["b.json"] = change(shards["b.json"])
    with pytest.raises(ResultsError, match=rf"^shard 2/3 \(b.json\) has {what}.*shard 1/3"):
        in_order(shards)


@pytest.mark.parametrize("number", [0, 4, 17])
def test_a_number_that_there_is_not_is_named(number: int) -> None:
    shards = three() | {"c.json": shard(number)}
    with pytest.raises(ResultsError, match=rf"shard {number}/3 \(c.json\) is damaged: there is no"):
        in_order(shards)


def test_shards_of_two_counts_are_refused() -> None:
    shards = three() | {"c.json": shard(3, count=4)}
    with pytest.raises(ResultsError, match=r"shard 3/4 \(c.json\) is not of as many shards as"):
        in_order(shards)


@pytest.mark.parametrize("status", [2, 3, 4])
def test_a_shard_that_did_not_end_is_named(status: int) -> None:
    shards = three()
    shards["c.json"] = with_run(exit_status=status)(shards["c.json"])
    with pytest.raises(
        ResultsError, match=rf"shard 3/3 \(c.json\) did not come to its end: exit status {status}"
    ):
        in_order(shards)


def test_cells_that_no_shard_has_are_missed() -> None:
    shards = three()
    shards["c.json"] = with_shard(cells=1)(shards["c.json"])
    with pytest.raises(ResultsError, match="have 5 cells together, the whole grid 6"):
        in_order(shards)


def test_a_cell_or_test_in_two_shards_is_named() -> None:
    point = PointResult(Comparison("toy-q1", Verdict.SAME, ""))
    test = TestResult("test_round_trip[toy-q1]", "passed", (), "toy-q1")
    for change, subject in (({"points": (point,)}, "toy-q1"), ({"tests": (test,)}, r"test_round")):
        shards = three()
        for name in ("a.json", "c.json"):
            shards[name] = replace(shards[name], **change)  # type: ignore[arg-type]
        with pytest.raises(ResultsError, match=rf"{subject}.* is in shard 1/3 .* and in shard 3/3"):
            in_order(shards)
