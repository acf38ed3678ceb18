"""A file that git ignores is in no checkout, and an error that names it says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_lic.ab.absent_files import advice_on_absent_files


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A checkout, and the repository: with weights that are ignored, new or in both."""
    tree, root = tmp_path / "tree", tmp_path / "root"
    for folder in (tree, root):
        (folder / "ckpt").mkdir(parents=True)
        (folder / "both.pt").touch()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".gitignore").write_text("ckpt/\n")
    for name in ("ckpt/1.pt", "ckpt/my weights.pt", "new.pt"):
        (root / name).touch()
    return tree, root


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "No such file or directory: '{tree}/ckpt/1.pt'",
            "ckpt/1.pt lies in {root}, but git ignores",
        ),
        (
            'can\'t open "{tree}/ckpt/my weights.pt"',
            "ckpt/my weights.pt lies in {root}, but git ig",
        ),
        ("{tree}/ckpt/1.pt: can't be read", "ckpt/1.pt lies in {root}, but git ignores it, so no "),
        ("{tree}/new.pt, gone", "new.pt lies in {root}, but that commit does not hold it, so no "),
    ],
)
def test_it_is_named_with_the_reason(trees: tuple[Path, Path], text: str, told: str) -> None:
    tree, root = trees
    advice = advice_on_absent_files(text.format(tree=tree), tree, root)
    assert advice.startswith("; " + told.format(root=root))
    assert "name it by its full path" in advice


@pytest.mark.parametrize("text", ["KeyError: 'x'", "{tree}/both.pt: damaged", "{tree}/nowhere.pt"])
def test_other_errors_get_no_advice(trees: tuple[Path, Path], text: str) -> None:
    tree, root = trees
    assert advice_on_absent_files(text.format(tree=tree), tree, root) == ""
