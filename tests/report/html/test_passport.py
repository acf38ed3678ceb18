"""The matrix of a passport as a page."""

from __future__ import annotations

from pathlib import Path

from pytest_lic.checks.passport.matrix import matrix_of
from pytest_lic.report.html.passport import passport_page
from tests.helpers.passports import BROKEN, FINE, stamp


def test_a_page_shows_the_matrix_and_escapes_what_it_tells() -> None:
    page = passport_page(matrix_of({Path("a.json"): stamp("A", "B", BROKEN)}))
    assert "<h1>1 of 1 pair of machines out of step</h1>" in page
    assert '<tr><th>A</th><td class="nobreak">1 = 1 ≈ 1 ✗</td></tr>' in page
    assert "image&lt;1&gt;: by 1e-6" in page


def test_a_page_of_what_is_in_step_has_no_differences() -> None:
    page = passport_page(matrix_of({Path("a.json"): stamp("A", "B", FINE)}))
    assert "First differences" not in page
