"""Where the shipped baselines are, and what is said where an older install does not know it."""

from __future__ import annotations

import sys

import pytest

from pytest_lic.baselines.shipped import shipped_folder
from pytest_lic.errors import LicError


def test_the_shipped_baselines_are_there() -> None:
    assert (shipped_folder() / "jpeg.json").is_file()


def test_an_older_editable_install_is_told_to_install_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pytest_lic.shipped_baselines", None)
    with pytest.raises(LicError, match=r"older than its sources.*: install it again"):
        shipped_folder()
