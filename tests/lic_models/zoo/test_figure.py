"""The figure of losses: a panel a λ, a line a family."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.__main__ import main


def test_every_family_has_its_line(whole: Path) -> None:
    runs = whole.parent
    assert main(["figure", str(runs), "--out=losses.svg"]) == 0
    drawn = Path("losses.svg").read_text()
    for words in ("<svg", "gigapixels", "tiny", "0.0067"):
        assert words in drawn


def test_runs_that_were_not_validated_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figure", str(tmp_path), "--out=losses.svg"]) == 2
    assert "no run that has been validated" in capsys.readouterr().err


def test_a_format_that_can_not_be_drawn_is_refused(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figure", str(whole.parent), "--out=losses.xyz"]) == 2
    assert "losses.xyz" in capsys.readouterr().err
