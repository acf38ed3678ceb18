"""The repository's own actions, and the module that writes their comment."""

from __future__ import annotations

from tests.helpers.places import ROOT

GITHUB = ROOT / ".github"
COMMENT = GITHUB / "actions" / "rd-gate-comment"
