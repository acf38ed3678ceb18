"""Markdown as GitHub renders it, and text that tries to be more than text."""

from __future__ import annotations

from markdown_it import MarkdownIt

HOSTILE = [
    "<script>alert(1)</script>",
    "@someone and @some/team",
    "#12, GH-12, some/project#12",
    "a | b || c",
    "`code`, ``more``, *bold*, _soft_, ~~gone~~",
    "[text](https://example.org/x) ![](https://example.org/x.png) www.example.org",
    "one\ntwo\r\n\nthree\u202e\x00",
    "\\| &lt; &amp; -->",
    "</details></td>",
    "$\\color{green}x$ costs $$5$$",
]


def rendered(page: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(page)


def cells(page: str, subject: str) -> list[str]:
    """The cells of the only row with this in it."""
    (line,) = (line for line in page.splitlines() if line.startswith("|") and subject in line)
    return [cell.strip() for cell in line.strip("|").split("|")]
