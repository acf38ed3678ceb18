"""The guides of the documentation work as they stand there."""

from __future__ import annotations

import pytest

from tests.helpers.doc_pages import PAGES, follow

GUIDES = [page for page in PAGES if page.startswith("docs/guides/")]


@pytest.mark.parametrize("page", GUIDES)
def test_guide(page: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(page, pytester, monkeypatch)
