"""A side's process finds codecs with the pytest-lic of its own commit, which may be an old one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_lic.ab.checkout import Checkout, Repository, Revision
from pytest_lic.ab.side import Side
from pytest_lic.errors import UsageError

DISCOVERY = """
import dataclasses, sys, types

sys.modules["__mp_main__"] = sys.modules["__main__"]  # as multiprocessing does

@dataclasses.dataclass(frozen=True)
class Origin:
    folder: str
    args: tuple
    path: tuple

def rediscover(origin):
    family = types.SimpleNamespace(
        name="old", qualities={"1": None}, tags={}, devices=["cpu"], one_network=False,
        unavailable=lambda: f"of {origin.folder} {origin.args}",
    )
    return types.SimpleNamespace(by_name={"old": family})
"""


@pytest.mark.parametrize("file", ["discovery.py", "project/discovery.py"])
def test_discovery_is_the_side_s_own_where_its_commit_has_it(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "base" / "tree"
    place = tree / "pytest_lic" / file
    place.parent.mkdir(parents=True)
    place.write_text(DISCOVERY)
    for folder in {tree / "pytest_lic", place.parent}:
        (folder / "__init__.py").write_text("")
    monkeypatch.setattr("sys.path", [str(tree), *sys.path])
    checkout = Checkout("base", Revision("old", "0" * 40, "old"), tree, None, tree)
    root = Path(__file__).parents[2]  # an editable install must not lead there
    side = Side(checkout, Repository(root, root), ["--some"], timeout=60)
    try:
        (family,) = side.families().values()
        assert family.unavailable is not None
        assert (family.name, family.unavailable()) == ("old", f"of {tree} ('--some',)")
    finally:
        side.close()


def test_what_the_side_itself_lacks_is_named(tmp_path: Path) -> None:
    tree = tmp_path / "head" / "tree"
    (tree / "pytest_lic" / "project").mkdir(parents=True)
    for name in ("__init__.py", "project/__init__.py"):
        (tree / "pytest_lic" / name).write_text("")
    (tree / "pytest_lic" / "project" / "discovery.py").write_text("import no_such_package\n")
    checkout = Checkout("head", Revision("new", "0" * 40, "new"), tree, None, tree)
    root = Path(__file__).parents[2]
    side = Side(checkout, Repository(root, root), [], timeout=60)
    try:
        with pytest.raises(UsageError, match="No module named 'no_such_package'"):
            side.families()
    finally:
        side.close()
