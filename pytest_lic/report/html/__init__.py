"""One or several runs as one HTML file that needs nothing else: no network, no other file.

content       what a page is made from
families      points of a run by setting and codec family, and their curves
sections      one section a file: its data (.py), its text (.jinja), and what it draws (.js)
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

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources

from pytest_lic.ab.result import Compared
from pytest_lic.report.html.content import Content, signed
from pytest_lic.report.html.sections import SECTIONS
from pytest_lic.report.html.sections.verdict import verdict_text
from pytest_lic.results.results import Results

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
    "base-uri 'none'; form-action 'none'"
)


def html_report(runs: Mapping[str, Results], compared: Sequence[Compared] = ()) -> str:
    """The page.

    Args:
        runs: what to call each run → its results, in the order in which they are shown; of a
            single run the name is not shown.
        compared: comparisons of two commits, shown beside them.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    content = Content(runs, compared)
    # What stands between the tags of style and script to the byte is what the digests are of.
    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(several=content.several, signed=signed)
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    sections = [
        environment.get_template(f"sections/{name}.jinja").render(values)
        for name, section in SECTIONS
        if (values := section(content)) is not None
    ]
    style, script = _file("report.css"), _script()
    page: str = environment.get_template("page.jinja").render(
        title=verdict_text(content),
        policy=_POLICY.format(style=_digest(style), script=_digest(script)),
        style=style,
        script=script,
        runs=runs,
        sections=sections,
    )
    return page


def _script() -> str:
    names = dict.fromkeys(f"sections/{name}.js" for name, _ in SECTIONS)
    drawn = (name for name in names if (resources.files(__name__) / name).is_file())
    return "".join(map(_file, ("page.js", "chart.js", *drawn)))


def _file(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
