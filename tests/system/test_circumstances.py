"""Another clock, another home: as far as Python tells them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_lic.system.circumstances import at_home_in, other_hash_seed

CLOCK = """
import datetime, time
from pytest_lic.system.circumstances import another_moment, set_clock
began, counted = datetime.datetime.now(), time.monotonic()
again = set_clock(another_moment())
moved = datetime.datetime.now()
assert (moved - began).days == 400 and moved.year != began.year, moved
assert moved.month != began.month and moved.weekday() != began.weekday(), moved
assert abs(time.time() - moved.timestamp()) < 9
assert time.monotonic() - counted < 99
time.sleep(1.2)
assert time.time() - moved.timestamp() > 1
again()
assert time.time() - moved.timestamp() < 1
"""


def test_the_clock_tells_another_year_month_and_weekday_and_can_be_set_again() -> None:
    subprocess.run([sys.executable, "-c", CLOCK], check=True)


def test_home_is_another_and_what_was_cached_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/before")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with at_home_in(tmp_path):
        assert Path.home() == tmp_path
        assert os.environ["XDG_CACHE_HOME"] == "/home/before/.cache"
    assert os.environ["HOME"] == "/home/before"
    assert "XDG_CACHE_HOME" not in os.environ


def test_a_hash_seed_is_none_of_those_taken() -> None:
    assert other_hash_seed(None) == "1"
    assert other_hash_seed("1", "2") == "3"
