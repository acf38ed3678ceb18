"""The matrix of a passport as a page that needs nothing else."""

from __future__ import annotations

from pytest_lic.checks.passport.matrix import PassportMatrix
from pytest_lic.report import passport
from pytest_lic.report.html.framed import environment, framed


def passport_page(matrix: PassportMatrix) -> str:
    """The page."""
    return framed(
        environment(),
        "passport.jinja",
        (),
        title=passport.verdict(matrix),
        columns=passport.matrix_columns(matrix),
        rows=passport.matrix_cells(matrix),
        legend=passport.LEGEND,
        differences=passport.differences(matrix),
    )
