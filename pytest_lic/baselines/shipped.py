"""Where the baselines are that come with pytest-lic."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped_folder() -> Path:
    """The folder of the shipped baselines: the repository's, or the installed package's."""
    return Path(str(resources.files("pytest_lic.shipped_baselines")))
