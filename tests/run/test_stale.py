"""What is stale, in one line and by family."""

from __future__ import annotations

from pytest_lic.run.stale import Stale, by_family


def test_keys_stand_by_family_and_each_has_its_line() -> None:
    stale = [
        Stale("toy", "q1", "quality 1 on photos", "quality 1 is gone"),
        Stale("gone", "q1", "quality 1 on photos", "no codec has this name"),
        Stale("toy", "q2", "quality 2 on photos", "quality 2 is gone"),
    ]
    assert by_family(stale) == {"toy": {"q1", "q2"}, "gone": {"q1"}}
    assert stale[1].text == "gone, quality 1 on photos: no codec has this name"
