"""The sections of the page: each shows when it has something to show, in the order of the list."""

from __future__ import annotations

from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections import SECTIONS
from tests.helpers.made_results import passing, regressing
from tests.helpers.made_times import compared


def shown(content: Content) -> list[str]:
    return [name for name, section in SECTIONS if section(content) is not None]


def test_a_run_that_passes_has_nothing_to_tell_of_failures_times_or_commits() -> None:
    assert shown(Content({"": passing()})) == ["verdict", "curves", "points", "circumstances"]


def test_commits_that_got_worse_stand_before_the_curves_and_others_after_them() -> None:
    content = Content({"": regressing()}, [compared(1.1), compared(1.0)])
    assert shown(content) == [
        "verdict",
        "failures",
        "two_commits",
        "curves",
        "images",
        "points",
        "two_commits",
        "circumstances",
    ]
