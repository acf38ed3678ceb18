"""One or several runs as one HTML file that needs nothing else: no network, no other file.

What stands in the page is text, escaped by the template; curves and crops are drawn by
``report.js``. A content security policy allows that script and ``report.css`` by their digests,
images that are part of the page, and nothing else, so that no name or error text can run or fetch
anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources

from pytest_lic.report.html.ablations import ablations
from pytest_lic.report.html.curves import plots
from pytest_lic.report.html.sections import sections
from pytest_lic.results import Results

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
    "base-uri 'none'; form-action 'none'"
)


def html_report(runs: Mapping[str, Results]) -> str:
    """The page.

    Args:
        runs: what to call each run → its results, in the order in which they are shown; of a
            single run the name is not shown.
    """
    from jinja2 import Environment, StrictUndefined

    style, script = _file("report.css"), _file("report.js")
    # What stands between the tags to the byte is what the digests are of.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    page = environment.from_string(_file("report.html.jinja"))
    text: str = page.render(
        policy=_POLICY.format(style=_digest(style), script=_digest(script)),
        style=style,
        script=script,
        plots=plots(runs),
        ablations=list(ablations(runs)),
        **sections(runs),
    )
    return text


def _file(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
