"""Which folder is the user's project.

pytest settles its root folder before it knows the options of plugins, so in ``--lic-corpus DIR`` it
takes DIR for a test path and may choose DIR as the root. Baselines must not follow it there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

_SIGNS = ("pytest.toml", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", ".git")


def project_root(config: pytest.Config) -> Path:
    """pytest's root folder if pytest was started in it; else the project around that place.

    That is the nearest folder with a configuration file or a repository, or the folder itself.
    """
    start = config.invocation_params.dir
    root = config.rootpath
    if config.getoption("rootdir") or root == start or root in start.parents:
        return root
    for folder in (start, *start.parents):
        if any((folder / sign).exists() for sign in _SIGNS):
            return folder
    return start


def misled(config: pytest.Config) -> str | None:
    """What to tell the user where pytest reads no configuration, or another project's."""
    if project_root(config) == config.rootpath:
        return None
    return (
        f"pytest took an option's folder for its root ({config.rootpath}) and reads no ini file of "
        f"{project_root(config)}; write --lic-corpus=DIR, with =, to have it read"
    )
