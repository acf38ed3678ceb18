"""Stamps and matrices in words, for the terminal and as Markdown."""

from __future__ import annotations

from pathlib import Path

from pytest_lic.checks.passport.matrix import PassportMatrix, matrix_of
from pytest_lic.checks.passport.stamp import Checked
from pytest_lic.report.passport import matrix_markdown, matrix_text, stamp_lines
from tests.helpers.passports import A_LEVEL, BROKEN, FINE, stamp


def matrix(*codecs: Checked) -> PassportMatrix:
    return matrix_of(
        {Path(f"{i}.json"): stamp("A", "BC"[i], codec) for i, codec in enumerate(codecs)}
    )


def test_a_check_tells_each_codec_and_its_first_difference() -> None:
    gone = Checked("other", "2", unavailable="no codec of that name is here")
    assert stamp_lines(stamp("A", "B", BROKEN, gone)) == [
        "encoded by A, decoded by B",
        "  mine q1: 1 image the same to the bit, 1 image of the same latents, pixels a level "
        "apart, 1 image out of step",
        "    first stage that differs: hyper-synthesis",
        "    image<1>: by 1e-6",
        "  other q2: not decoded: no codec of that name is here",
    ]


def test_a_matrix_has_a_row_for_each_encoder() -> None:
    lines = matrix_text(matrix(A_LEVEL, BROKEN)).splitlines()
    assert lines[:4] == [
        "encoder ╲ decoder  B        C",
        "A                  1 = 2 ≈  1 = 1 ≈ 1 ✗",
        "= the same pixels and latents, ≈ the same latents with pixels a level apart, ✗ out of "
        "step, in images; rows encode, columns decode",
        "1 of 2 pairs of machines out of step",
    ]
    assert lines[4:] == [
        "  A → B, mine q1: within tolerance: synthesis: image0: by a level",
        "  A → C, mine q1: broken: hyper-synthesis: image<1>: by 1e-6",
    ]


def test_a_matrix_in_step_says_so_and_no_more() -> None:
    lines = matrix_text(matrix(FINE)).splitlines()
    assert lines[-1] == "1 pair of machines, none out of step"


def test_markdown_is_of_the_same_and_harmless() -> None:
    page = matrix_markdown(matrix(A_LEVEL, BROKEN))
    assert "**1 of 2 pairs of machines out of step**" in page
    assert "| A | 1 = 2 ≈ | 1 = 1 ≈ 1 ✗ |" in page
    assert "image&lt;1&gt;" in page
    assert "## First differences" not in matrix_markdown(matrix(FINE))
