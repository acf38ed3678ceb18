"""Each side of a comparison imports its own files: installed, editable or found through a path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.ab.checkout import Checkout, Repository, Revision, checked_out
from pytest_lic.ab.side import side_path
from pytest_lic.system.commit_tree import check_out
from tests.helpers.ab_project import AbProject
from tests.helpers.toy_project import HOOK, TOY

PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "toycodec"
version = "1.0"

[tool.setuptools]
packages = ["toycodec"]

[tool.setuptools.package-dir]
toycodec = "src/codec"
"""
CONFTEST = """
from toycodec.families import {names}


def pytest_lic_codecs():
    yield family
"""
AB = "import sys; from pytest_lic.cli import main; sys.exit(main())"


def write_package(repository: AbProject, step: int, names: str = "family") -> None:
    """A package of one module more than it needs, whose codec has ``step`` at quality 3."""
    source = repository.path / "src" / "codec"
    source.mkdir(parents=True, exist_ok=True)
    body = TOY.replace('"3": 20', f'"3": {step}') + HOOK
    body = body.replace("CODEC", "Toy").replace("FINGERPRINT", "None")
    (source / "families.py").write_text(body + "\n(family,) = pytest_lic_codecs()\n")
    (source / "__init__.py").write_text("")
    (repository.path / "pyproject.toml").write_text(PYPROJECT)
    (repository.path / "conftest.py").write_text(CONFTEST.format(names=names))
    (repository.path / ".gitignore").write_text("*.egg-info\nbuild\n")


def commit(repository: AbProject, message: str) -> None:
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", message)


@pytest.fixture
def editable(repository: AbProject, tmp_path: Path) -> Path:
    """The interpreter of an environment with an editable install of the repository's package."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    everything = sysconfig.get_path("purelib")
    (packages / "all.pth").write_text(f"import site; site.addsitedir({everything!r})\n")
    python = environment / "bin" / "python"
    write_package(repository, step=20)
    install = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet"]
    install += ["--no-deps", "--no-build-isolation", "--editable", str(repository.path)]
    subprocess.run(install, check=True, timeout=300)
    return python


def test_an_editable_install_does_not_mix_the_sides(repository: AbProject, editable: Path) -> None:
    (repository.path / "src" / "codec" / "old.py").write_text("")
    commit(repository, "step 20")
    write_package(repository, step=24)
    (repository.path / "src" / "codec" / "old.py").unlink()
    commit(repository, "step 24")
    written = repository.path.parent / "ab.json"
    arguments = repository.arguments("HEAD~1", "HEAD", "--quality=3", "--budget=0.001")
    done = subprocess.run(
        [editable, "-c", AB, *arguments, f"--json={written}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "WORSE: toy-q3-images-native-b1-cpu: " in done.stdout
    (cell,) = json.loads(written.read_text())["cells"]

    def rate(side: str) -> int:
        return sum(image["bytes"] for image in cell[side]["images"].values())

    assert rate("base") > rate("head"), "coarser steps take fewer bytes"
    assert repository.is_left_clean()


def test_a_module_that_a_commit_lacks_is_not_taken_from_the_working_tree(
    repository: AbProject, editable: Path
) -> None:
    commit(repository, "without extra")
    (repository.path / "src" / "codec" / "extra.py").write_text("")
    conftest = repository.path / "conftest.py"
    conftest.write_text("import toycodec.extra\n" + conftest.read_text())
    repository.git("add", "conftest.py")
    repository.git("commit", "--quiet", "--message", "extra was forgotten")
    arguments = repository.arguments("HEAD~1", "HEAD", "--quality=3", "--budget=0.001")
    done = subprocess.run(
        [editable, "-c", AB, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No module named 'toycodec.extra'" in done.stderr


def test_a_path_into_the_working_tree_is_refused(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository.path / "mine.py").write_text("")
    repository.commit(f"import sys; sys.path.insert(0, {str(repository.path)!r}); import mine")
    assert repository.ab("HEAD", "--quality=3", "--budget=0.001") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "1 modules come from the working tree, not from this side's checkout: mine (" in error


def test_a_package_that_can_t_be_built_is_named(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    write_package(repository, step=20)
    (repository.path / "pyproject.toml").write_text(PYPROJECT.replace("src/codec", "nowhere"))
    commit(repository, "no such folder")
    assert repository.ab("HEAD", "--quality=3") == 2
    error = capsys.readouterr().err
    assert "base, HEAD (" in error
    assert "it can't be installed:" in error
    assert "nowhere" in error
    assert repository.is_left_clean()


def test_paths_into_the_repository_become_the_side_s_own(tmp_path: Path) -> None:
    root = tmp_path / "project"
    installed = Path(sysconfig.get_path("purelib")).resolve()
    repository = Repository(root, root)
    tree = tmp_path / "base" / "tree"
    revision = Revision("HEAD", "0" * 40, "a commit")
    checkout = Checkout("base", revision, tree, tmp_path / "base" / "site", tree)
    given = [str(root / "src"), str(installed), "/elsewhere"]
    assert side_path(given, repository, checkout) == [
        str(tmp_path / "base" / "site"),
        str(tree / "src"),
        str(installed),
        "/elsewhere",
    ]
    # An environment within the repository is no part of the project.
    around = Repository(installed.parent, installed.parent)
    assert str(installed) in side_path(given, around, checkout)


def test_a_config_of_the_repository_is_each_side_s_own(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit(codec__yaml="extends: no-such-codec\n")
    (repository.path / "codec.yaml").write_text("and: this one is not it\n")
    config = repository.path / "codec.yaml"
    assert repository.ab("HEAD", f"--config={config}", "--quality=3", "--budget=0.001") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "no-such-codec" in error, "the commit's file is read, not the working tree's"


def test_the_working_tree_may_turn_a_folder_into_a_file_and_hold_repositories(
    repository: AbProject,
) -> None:
    (repository.path / "old").mkdir()
    (repository.path / "old" / "file").write_text("")
    repository.commit()
    shutil.rmtree(repository.path / "old")
    (repository.path / "old").write_text("a file now")
    inner = repository.path / "inner"
    inner.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=inner, check=True)
    (inner / "kept").write_text("as it is")
    around = Repository.around(repository.path)
    base, head = around.base_of_working_tree("HEAD"), around.working_tree()
    with checked_out(around, base, head) as (_, checkout):
        assert (checkout.tree / "old").read_text() == "a file now"
        assert (checkout.tree / "conftest.py").read_text()
    shutil.rmtree(inner)


def test_the_repository_is_let_be_and_what_is_half_made_is_removed(
    repository: AbProject, tmp_path: Path
) -> None:
    repository.commit()
    theirs = tmp_path / "theirs"
    repository.git("worktree", "add", "--quiet", "--detach", str(theirs))
    theirs.rename(tmp_path / "on a disk that is not there")
    before = contents(repository.path / ".git")
    around = Repository.around(repository.path)
    base, head = around.base_of_working_tree("HEAD"), around.working_tree()
    with checked_out(around, base, head) as (checkout, _):
        # What Ctrl-C in the midst of git's work leaves: a lock, and no files.
        (checkout.tree.parent / "git" / "index.lock").write_text("")
        shutil.rmtree(checkout.tree)
        assert contents(repository.path / ".git") == before
    assert not checkout.tree.parent.exists()
    assert contents(repository.path / ".git") == before


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; git may refresh its index whenever it looks at files."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "index")
    return {str(file): file.read_bytes() for file in files}


def test_what_another_repository_s_comparison_or_a_living_one_made_is_let_be(
    repository: AbProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    commit = repository.git("rev-parse", "HEAD")
    of_the_dead, of_us = (tmp_path / f"pytest-lic-ab-{pid}-x" for pid in (ended.pid, os.getpid()))
    others = tmp_path / f"pytest-lic-ab-{ended.pid}-y"
    for folder in (of_the_dead, of_us, others):
        check_out(repository.path, commit, folder / "base")
    (others / "base" / "git" / "commondir").write_text("/elsewhere/.git\n")
    around = Repository.around(repository.path)
    base, head = around.base_of_working_tree("HEAD"), around.working_tree()
    with checked_out(around, base, head):
        pass
    assert {*tmp_path.glob("pytest-lic-ab-*")} == {of_us, others}


def test_a_hook_s_git_variables_are_not_followed(
    repository: AbProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit()
    monkeypatch.setenv("GIT_DIR", os.devnull)
    assert Repository.around(repository.path).root == repository.path.resolve()


def test_a_commit_s_name_may_look_like_an_option(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    assert cli.main(["ab", "--", "--all"]) == 2
    assert "--all: no commit of " in capsys.readouterr().err


def test_looking_for_pip_leaves_setuptools_importable(tmp_path: Path) -> None:
    # torch.compile imports it, and setuptools steps back for a process that looks for pip's module.
    (tmp_path / "pyproject.toml").write_text("[build-system]\nrequires = []\n")
    program = f"""
import contextlib
from pathlib import Path
from pytest_lic.ab import checkout
from pytest_lic.errors import UsageError

with contextlib.suppress(UsageError):
    checkout._install(Path({os.fspath(tmp_path)!r}), Path({os.fspath(tmp_path / "site")!r}), "base")
import setuptools
"""
    subprocess.run([sys.executable, "-c", program], check=True)
