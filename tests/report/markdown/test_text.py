"""Text from outside in Markdown: shown as it stands, without effect."""

from __future__ import annotations

import re

import pytest

from pytest_lic.report.markdown.text import escaped, fenced
from tests.helpers.markdown_page import HOSTILE, rendered


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_shows_as_it_stands_and_does_nothing(text: str) -> None:
    page = f"| a | b |\n|---|---|\n| {escaped(text)} | second |\n"
    html = rendered(page)
    assert html.count("<td>") == 2
    shown = re.findall("<td>(.*?)</td>", html)[0]
    assert not re.search(r"<(?!/td)", shown), "no tag of its own"
    assert not re.search(r"@\w|#\d|GH-|://|www\.", shown), "nothing that GitHub makes a link of"
    assert not re.search(r"(?<!\\)\$", page), "no formula"
    plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    plain = plain.replace("&amp;", "&").replace("\u200b", "")
    expected = "".join(each if each.isprintable() else " " for each in text)
    assert plain == " ".join(expected.split())


def test_a_block_of_code_ends_where_it_should() -> None:
    html = rendered("\n".join(fenced("```\n</code><b>\n````\n\x1b[31mred")))
    assert html.count("<code") == 1
    assert "<b>" not in html
