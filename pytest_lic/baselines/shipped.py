"""Where the baselines are that come with pytest-lic."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from pytest_lic.errors import LicError


def shipped_folder() -> Path:
    """The folder of the shipped baselines: the repository's, or the installed package's.

    Raises:
        LicError: an editable install that is older than the sources it leads to.
    """
    package = "pytest_lic.shipped_baselines"
    try:
        return Path(str(resources.files(package)))
    except ModuleNotFoundError as error:
        raise LicError(
            f"this install of pytest-lic is older than its sources, and knows no {package}: "
            "install it again, such as by pip install -e . in the repository"
        ) from error
