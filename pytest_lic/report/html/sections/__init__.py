"""The sections of the page, one a file, in the order in which they stand.

verdict        passed or failed, and how many cells and curves are how
failures       cells and curves that got worse, with their causes and crops
other_tests    tests that failed over something else
two_commits    comparisons of two commits: those that got worse, and further down the others
curves         rate and quality, and BD-rates
side_by_side   crops that were asked for, as each codec decodes them
images         single images that changed most
points         a table of all points
ablations      codecs that differ in one component alone
progressive    quality against the bytes received
complexity     operations, weights and memory
times          latency, throughput, stages
circumstances  commit, command, environment, tolerances

To add one: a file with a function that takes a `Content` and returns what its template needs, or
None where there is nothing to show; the template beside it, ``NAME.jinja``; its line in `SECTIONS`.
If it draws, ``NAME.js`` beside them becomes part of the page's script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections.ablations import ablations
from pytest_lic.report.html.sections.circumstances import circumstances
from pytest_lic.report.html.sections.complexity import complexity
from pytest_lic.report.html.sections.curves import curves
from pytest_lic.report.html.sections.failures import failures
from pytest_lic.report.html.sections.images import images
from pytest_lic.report.html.sections.other_tests import other_tests
from pytest_lic.report.html.sections.points import points
from pytest_lic.report.html.sections.progressive import progressive
from pytest_lic.report.html.sections.side_by_side import side_by_side
from pytest_lic.report.html.sections.times import times
from pytest_lic.report.html.sections.two_commits import commits_that_fail, commits_that_pass
from pytest_lic.report.html.sections.verdict import verdict

SECTIONS: tuple[tuple[str, Callable[[Content], Mapping[str, Any] | None]], ...] = (
    ("verdict", verdict),
    ("failures", failures),
    ("other_tests", other_tests),
    ("two_commits", commits_that_fail),
    ("curves", curves),
    ("side_by_side", side_by_side),
    ("images", images),
    ("points", points),
    ("ablations", ablations),
    ("progressive", progressive),
    ("complexity", complexity),
    ("times", times),
    ("two_commits", commits_that_pass),
    ("circumstances", circumstances),
)
"""Template, and what it is filled with."""
