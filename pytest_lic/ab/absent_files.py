"""Files that lie in the repository, and that a checkout lacks since git does not have them."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_lic.errors import UsageError
from pytest_lic.system.git import git


def advice_on_absent_files(text: str, tree: Path, root: Path) -> str:
    """What to do about the files of a checkout that an error names and git does not have; or "".

    Args:
        text: of the error.
        tree: the checkout.
        root: the user's own, where the files lie.
    """
    below = re.escape(f"{tree}/")
    named = re.findall(rf"['\"]{below}([^'\"\n]+)['\"]|{below}([^'\"\s]+)", text)
    names = {quoted or bare.rstrip(".,:;)") for quoted, bare in named}
    absent = sorted(name for name in names if (root / name).exists() and not (tree / name).exists())
    if not absent:
        return ""
    first = absent[0]
    return (
        f"; {first} lies in {root}, but {_why_absent(first, root)}, so no checkout has it: name it "
        "by its full path in the project, such as by a variable of the environment"
    )


def _why_absent(name: str, root: Path) -> str:
    try:
        git("check-ignore", "--quiet", "--", name, cwd=root)
    except UsageError:  # its exit status says that it is not
        return "that commit does not hold it"
    return "git ignores it"
