"""The root folder of the user's project.

pytest settles its root folder before it knows the options of plugins, so in ``--lic-corpus DIR`` it
takes DIR for a test path and chooses the root by it. Baselines and tolerances must not follow.
"""

from __future__ import annotations

from pathlib import Path

import pytest


def project_root(config: pytest.Config) -> Path:
    """The root folder that pytest would have chosen without the options' folders.

    It is pytest's own choice where the user named test paths, a root or an ini file.
    """
    # pytest's own search; it has no public name.
    from _pytest.config.findpaths import locate_config

    start = config.invocation_params.dir
    typed = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else ()
    paths = [argument for argument in typed if (start / argument.split("::")[0]).exists()]
    if paths or config.getoption("rootdir") or config.getoption("inifilename"):
        return config.rootpath
    return locate_config(start, [start])[0] or start


def misled(config: pytest.Config) -> str | None:
    """What to tell the user where pytest reads no configuration, or another project's."""
    root = project_root(config)
    if root == config.rootpath:
        return None
    return (
        f"pytest took an option's folder for a test path, its root is {config.rootpath}, and it "
        f"reads no ini file of {root}; write --lic-corpus=DIR, with =, to have it read"
    )
