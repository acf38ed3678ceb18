"""An HTML report as its reader meets it, for tests of what stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from pytest_lic.report.html import html_report
from pytest_lic.results.results import Results


class Page(HTMLParser):
    """What a browser would make of a page: its text, its tags, and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self._texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._open:
            self.scripts[-1] += data
        elif "style" not in self._open:
            self._texts.append(data)
            if {"h1", "h2", "h3"} & set(self._open):
                self.headings[-1] = " ".join(f"{self.headings[-1]} {data}".split())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._texts).split())

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for found, attributes in self.tags if found == tag)


def page_of(*results: Results) -> Page:
    names = [f"run {number}" for number in range(len(results))]
    return Page(html_report(dict(zip(names, results, strict=True))))
