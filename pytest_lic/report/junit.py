"""A run's tests as a JUnit file, which CI systems read."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from pytest_lic.results.results import Results, TestResult

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Results) -> str:
    """The JUnit file of a run, a test case for each test.

    The names are those that pytest's ``--junit-xml`` gives. A run that failed after its tests has
    a test case of its own for that.
    """
    suite = Xml.Element("testsuite", name="pytest-lic", timestamp=results.run.created.isoformat())
    for test in results.tests:
        _add(suite, test)
    if results.run.failure:
        _add(suite, TestResult("pytest_lic::run", "failed", (), "", results.run.failure))
    outcomes = [test.outcome for test in results.tests]
    counts = {
        "tests": len(suite),
        "failures": outcomes.count("failed") + bool(results.run.failure),
        "errors": 0,
        "skipped": outcomes.count("skipped"),
    }
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    suite.set("time", f"{sum(test.seconds or 0.0 for test in results.tests):.3f}")
    suites = Xml.Element("testsuites")
    suites.append(suite)
    Xml.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(suites, "unicode")}\n'


def _add(suite: Xml.Element, test: TestResult) -> None:
    file, _, name = test.id.partition("::")
    *classes, name = name.split("::") if "[" not in name else _before_brackets(name)
    names = [file.removesuffix(".py").replace("/", "."), *classes]
    case = Xml.SubElement(suite, "testcase", classname=_text(".".join(names)), name=_text(name))
    if test.seconds is not None:
        case.set("time", f"{test.seconds:.3f}")
    if test.outcome == "failed":
        failure = Xml.SubElement(case, "failure", message=_text(test.first_line))
        failure.text = _text(test.text)
    elif test.outcome == "skipped":
        Xml.SubElement(case, "skipped", message=_text(test.first_line))


def _before_brackets(name: str) -> list[str]:
    """The parts of a parametrized test's name, whose parameters may hold colons."""
    plain, bracket, parameters = name.partition("[")
    *classes, last = plain.split("::")
    return [*classes, f"{last}{bracket}{parameters}"]


def _text(text: str) -> str:
    """Without what XML can't hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
