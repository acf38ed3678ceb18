"""A stamp comes back as it was written, and one that was edited does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.checks.passport.stamp import FORMAT, Checked, Side, Stamp, read_stamp, stamp_text
from pytest_lic.errors import PassportError
from pytest_lic.system.environment import environment


def stamp(encoder: str = "A", decoder: str = "B", broken: int = 1) -> Stamp:
    sides = [Side(name, environment("cpu", 1)) for name in (encoder, decoder)]
    checked = Checked("mine", "1", 3, 2, broken, "synthesis", "image0: somewhere")
    return Stamp(FORMAT, sides[0], sides[1], "ab" * 32, (checked,))


def test_a_stamp_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(stamp_text(stamp()))
    found = read_stamp(tmp_path / "a.json")
    assert (found.encoder, found.codecs, found.broken) == (stamp().encoder, stamp().codecs, True)
    assert not stamp(broken=0).broken


def test_a_stamp_of_before_encoders_were_compared_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(stamp_text(stamp()))
    assert "encoder" not in json.loads(path.read_text())["codecs"][0]
    assert read_stamp(path).codecs[0].encoder == ""
    told = replace(stamp(), codecs=(replace(stamp().codecs[0], encoder="encodes otherwise"),))
    path.write_text(stamp_text(told))
    assert read_stamp(path).codecs == told.codecs


@pytest.mark.parametrize(
    ("was", "forged"),
    [
        ('"broken": 1', '"broken": 0'),
        ('"machine": "B"', '"machine": "C"'),
        ("somewhere", "nowhere"),
        ('"digest": "', '"digest": "0'),
    ],
)
def test_an_edited_stamp_is_refused(tmp_path: Path, was: str, forged: str) -> None:
    path = tmp_path / "a.json"
    text = stamp_text(stamp())
    assert was in text
    path.write_text(text.replace(was, forged, 1))
    with pytest.raises(
        PassportError, match=rf"stamp {path} was edited or damaged: .*write it again"
    ):
        read_stamp(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is damaged"),
        (json.dumps({"format": 2}), "is of format 2; this pytest-lic reads up to 1: upgrade it"),
        (json.dumps({"format": 1}), "is damaged: .*missing required field"),
    ],
)
def test_a_file_that_is_no_stamp_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(PassportError, match=expected):
        read_stamp(tmp_path / "a.json")
