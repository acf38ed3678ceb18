"""One or several runs as one HTML file that needs nothing else: no network, no other file.

What stands in the page is text, escaped by the template; curves, times and crops are drawn by one
script, of several files. A content security policy allows that script and ``report.css`` by their
digests, images that are part of the page, and nothing else, so that no name or error text can run
or fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources

from pytest_lic.ab.result import Compared
from pytest_lic.report.html.ablations import ablations
from pytest_lic.report.html.curves import plots
from pytest_lic.report.html.sections import sections
from pytest_lic.report.html.times import time_groups, time_rows
from pytest_lic.report.html.two_commits import two_commits
from pytest_lic.results.results import Results

_SCRIPTS = ("page", "chart", "curves", "times", "crops", "points", "start")
"""The files of the script, in the order in which they need each other."""

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
    from jinja2 import Environment, StrictUndefined

    style = _file("report.css")
    script = "".join(_file(f"{name}.js") for name in _SCRIPTS)
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
        times=list(time_rows(runs)),
        time_groups=time_groups(runs),
        commits=[two_commits(found) for found in compared],
        **sections(runs, compared),
    )
    return text


def _file(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
