"""One or several runs as one HTML file that needs nothing else: no network, no other file.

content       what a page is made from
families      points of a run by setting and codec family, and their curves
sections      one section a file: its data (.py), its text (.jinja), and what it draws (.js)
history       the page of what was recorded over time; its .jinja and .js
passport      the page of who decodes whom; its .jinja
framed        templates, script and style as one page
frame.jinja   what every page has
page.jinja    the frame around the sections
page.js       what their scripts share
macros.jinja  what their templates share
chart.js      lines over two axes, with a legend and a tip under the pointer
report.css    colours and places

All text is escaped by the templates. A content security policy allows one script and one style by
their digests, images that are part of the page, and nothing else, so that no name or error text
can run or fetch anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from pytest_lic.ab.result import Compared
from pytest_lic.report.html.content import Content, signed
from pytest_lic.report.html.framed import environment, framed
from pytest_lic.report.html.sections import SECTIONS
from pytest_lic.report.html.sections.verdict import verdict_text
from pytest_lic.results.results import Results


def html_report(runs: Mapping[str, Results], compared: Sequence[Compared] = ()) -> str:
    """The page.

    Args:
        runs: what to call each run → its results, in the order in which they are shown; of a
            single run the name is not shown.
        compared: comparisons of two commits, shown beside them.
    """
    content = Content(runs, compared)
    templates = environment()
    templates.globals.update(several=content.several, signed=signed)
    sections = [
        templates.get_template(f"sections/{name}.jinja").render(values)
        for name, section in SECTIONS
        if (values := section(content)) is not None
    ]
    return framed(
        templates,
        "page.jinja",
        _scripts(),
        title=verdict_text(content),
        runs=runs,
        sections=sections,
    )


def _scripts() -> list[str]:
    names = dict.fromkeys(f"sections/{name}.js" for name, _ in SECTIONS)
    return [name for name in names if (resources.files(__name__) / name).is_file()]
