"""A run's tests as CI systems read them."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as Xml

from pytest_lic.report.junit import junit
from pytest_lic.results.results import TestResult
from tests.helpers.made_results import passing

TESTS = (
    TestResult("pytest_lic.suites.test_rd::test_point[a::b-q1]", "passed", ("rd",), "a", "", 1.5),
    TestResult("tests/test_mine.py::TestIt::test_that", "failed", (), "", "E   bad \x07 <&>", 0.25),
    TestResult("tests/test_mine.py::test_left", "skipped", (), "", "no GPU"),
)


def test_every_test_is_a_case_with_its_name_outcome_and_time() -> None:
    (suite,) = Xml.fromstring(junit(replace(passing(), tests=TESTS)))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "1.750",
    }
    names = [(case.get("classname"), case.get("name"), case.get("time")) for case in suite]
    assert names == [
        ("pytest_lic.suites.test_rd", "test_point[a::b-q1]", "1.500"),
        ("tests.test_mine.TestIt", "test_that", "0.250"),
        ("tests.test_mine", "test_left", None),
    ]
    assert [child.tag for case in suite for child in case] == ["failure", "skipped"]


def test_what_xml_can_not_hold_is_replaced() -> None:
    (suite,) = Xml.fromstring(junit(replace(passing(), tests=TESTS)))
    failure = suite[1][0]
    assert failure.text == "E   bad \N{REPLACEMENT CHARACTER} <&>"
    assert failure.get("message") == "bad \N{REPLACEMENT CHARACTER} <&>"


def test_a_run_that_failed_after_its_tests_has_a_case_for_that() -> None:
    results = passing()
    failed = replace(results, tests=(), run=replace(results.run, failure="disk full"))
    (suite,) = Xml.fromstring(junit(failed))
    assert suite.get("failures") == "1"
    assert suite[0].get("name") == "run"
