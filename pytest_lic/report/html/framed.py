"""Templates, script and style as one page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
    "base-uri 'none'; form-action 'none'"
)


def environment() -> Environment:
    """What renders the templates of this folder; it escapes all text."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # What stands between the tags of style and script to the byte is what the digests are of.
    made = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return made


def framed(templates: Environment, template: str, scripts: Iterable[str], **values: object) -> str:
    """A page.

    Args:
        templates: of `environment`.
        template: one that extends ``frame.jinja``.
        scripts: files that the page needs besides ``page.js`` and ``chart.js``.
        values: what the template shows.
    """
    style = _file("report.css")
    script = "".join(map(_file, ("page.js", "chart.js", *scripts)))
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    page: str = templates.get_template(template).render(
        policy=policy, style=style, script=script, **values
    )
    return page


def _file(name: str) -> str:
    return (resources.files("pytest_lic.report.html") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
