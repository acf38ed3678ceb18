"""What failed, as GitLab's code quality report."""

from __future__ import annotations

import json
from dataclasses import replace

from pytest_lic.report.code_quality import code_quality
from pytest_lic.results.results import FamilyFacts, TestResult
from tests.helpers.made_results import passing

FAILED = TestResult(
    "s::test_point[a]", "failed", ("rd",), "fp-gdn-q1-x", "fp-gdn-q1-x: worse\nby 3"
)
MINE = TestResult("tests/test_mine.py::test_it", "failed", (), "", "E   wrong")


def test_each_failure_is_an_issue_of_its_family() -> None:
    families = {"fp": FamilyFacts({}, {}), "fp-gdn": FamilyFacts({}, {})}
    tests = (FAILED, MINE, replace(FAILED, id="b", outcome="passed"))
    issues = json.loads(code_quality(replace(passing(), families=families, tests=tests)))
    told = [(issue["description"], issue["check_name"], issue["location"]) for issue in issues]
    assert told == [
        ("fp-gdn-q1-x: worse", "rd", {"path": "baselines/fp-gdn.json", "lines": {"begin": 1}}),
        ("wrong", "test", {"path": "tests/test_mine.py", "lines": {"begin": 1}}),
    ]
    assert {issue["severity"] for issue in issues} == {"major"}


def test_a_failure_keeps_its_fingerprint_and_another_has_another() -> None:
    def fingerprint(test: TestResult) -> str:
        (issue,) = json.loads(code_quality(replace(passing(), tests=(test,))))
        return str(issue["fingerprint"])

    assert fingerprint(FAILED) == fingerprint(replace(FAILED, seconds=3.0))
    assert fingerprint(FAILED) != fingerprint(replace(FAILED, text="fp-gdn-q1-x: otherwise"))
