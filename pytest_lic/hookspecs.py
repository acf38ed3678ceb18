"""The hooks that pytest-lic calls, for ``conftest.py`` files and plugins."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pytest_lic.codec import CodecFamily


@pytest.hookspec
def pytest_lic_codecs() -> Iterable[CodecFamily]:  # type: ignore[empty-body]
    """Yield the codec families of this project.

    A ``conftest.py`` in the folder pytest is started from, or above the tests, may define it. Mark
    it ``@pytest.hookimpl(optionalhook=True)`` if the project's tests must also run where
    pytest-lic is not installed.
    """
