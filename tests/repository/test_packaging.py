"""What is installed is the whole package, and nothing else; set-up commands name what exists."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

from tests.helpers.places import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Folder of the tree → where its files are installed.
INSTALLED_AS = {
    "pytest_lic": "pytest_lic",
    "suites": "pytest_lic/suites",
    "baselines": "pytest_lic/shipped_baselines",
    "lic_models": "lic_models",
}
SUFFIXES = {
    ".py",
    ".json",
    ".safetensors",
    ".md",
    ".typed",
    ".bin",
    ".png",
    ".jinja",
    ".css",
    ".js",
}


def _copy_sources(target: Path) -> Path:
    """A copy of what a build reads, so that building leaves nothing behind in the tree."""
    target.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target / name)
    for folder in INSTALLED_AS:
        shutil.copytree(
            ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    return target


def _build(kind: str, sources: Path, out: Path) -> Path:
    """Build one distribution through the PEP 517 backend that pyproject.toml names."""
    out.mkdir()
    program = f"import sys; from setuptools import build_meta as b; b.build_{kind}(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", program, str(out)], cwd=sources, check=True, capture_output=True
    )
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _copy_sources(tmp_path_factory.mktemp("tree") / "sources")


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("wheel", sources, tmp_path_factory.mktemp("wheel") / "out")


def _members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def _package_members(wheel: Path) -> set[str]:
    return {name for name in _members(wheel) if ".dist-info/" not in name}


def _metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [m for m in archive.namelist() if m.endswith(f".dist-info/{name}")]
        return archive.read(member).decode()


def _core_metadata(wheel: Path) -> Message:
    return Parser().parsestr(_metadata(wheel, "METADATA"))


def _to_install(sources: Path) -> set[str]:
    """Every source, data file and model card of the tree, under its installed name."""
    return {
        str(PurePosixPath(installed) / path.relative_to(sources / folder))
        for folder, installed in INSTALLED_AS.items()
        for path in (sources / folder).rglob("*")
        if path.suffix in SUFFIXES and "build" not in path.parts
    }


def test_wheel_holds_every_file_of_the_tree(sources: Path, wheel: Path) -> None:
    missing = _to_install(sources) - _package_members(wheel)
    assert not missing, "name their package or suffix in pyproject.toml, [tool.setuptools]"


def test_wheel_holds_suites_baselines_published_curves_and_weights(wheel: Path) -> None:
    members = _members(wheel)
    for pattern in (
        "pytest_lic/py.typed",
        "pytest_lic/suites/test_rd.py",
        "pytest_lic/suites/test_roundtrip.py",
        "pytest_lic/suites/test_determinism.py",
        "pytest_lic/suites/test_conformance.py",
        "pytest_lic/suites/properties/test_quantizers.py",
        "pytest_lic/suites/properties/test_coders.py",
        "pytest_lic/suites/properties/test_context_models.py",
        "pytest_lic/suites/properties/test_samplers.py",
        "pytest_lic/suites/properties/test_vector_quantizers.py",
        "pytest_lic/shipped_baselines/*.json",
        "pytest_lic/shipped_baselines/conformance/*.json",
        "pytest_lic/shipped_baselines/conformance/*/*.bin",
        "pytest_lic/shipped_baselines/conformance/*/*.png",
        "pytest_lic/measuring/published/kodak.json",
        "lic_models/weights/*.safetensors",
        "*.dist-info/licenses/LICENSE",
    ):
        assert any(PurePosixPath(name).match(pattern) for name in members), pattern


def test_wheel_installs_no_top_level_name_but_its_own(wheel: Path) -> None:
    """A user's project may have a package called ``suites`` or ``baselines``, or ``tests``."""
    tops = {name.split("/")[0] for name in _package_members(wheel)}
    assert tops == {"pytest_lic", "lic_models"}


def test_wheel_from_the_sdist_holds_the_same_files(
    sources: Path, wheel: Path, tmp_path: Path
) -> None:
    sdist = _build("sdist", sources, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert _members(_build("wheel", unpacked, tmp_path / "wheel")) == _members(wheel)


def test_wheel_declares_its_python_licence_and_dependencies(wheel: Path) -> None:
    core = _core_metadata(wheel)
    assert core["Requires-Python"] == "<3.13,>=3.11"
    assert core["License-Expression"] == "MIT"
    required = [Requirement(text) for text in core.get_all("Requires-Dist", [])]
    assert "torch" in {r.name for r in required}
    unbounded = [r.name for r in required if not any(">" in s.operator for s in r.specifier)]
    assert not unbounded, "each dependency needs a lower bound"


def test_wheel_registers_plugin_codecs_and_command(wheel: Path) -> None:
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(_metadata(wheel, "entry_points.txt"))
    assert "pytest11" in points
    kinds = ("codecs", "quantizers", "coders", "context_models", "samplers", "vector_quantizers")
    assert {f"pytest_lic.{kind}" for kind in kinds} <= set(points)
    assert points["console_scripts"]["pytest-lic"] == "pytest_lic.cli:main"


def test_entry_points_name_modules_that_the_wheel_holds(wheel: Path) -> None:
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(_metadata(wheel, "entry_points.txt"))
    members = _members(wheel)
    for section in points.sections():
        for name, target in points[section].items():
            module = target.partition(":")[0].replace(".", "/")
            assert members & {f"{module}.py", f"{module}/__init__.py"}, f"{section}: {name}"


def test_gate_passes_from_a_wheel_in_a_project_with_names_of_its_own(
    wheel: Path, tmp_path: Path
) -> None:
    """A package called ``suites``, unusual ``python_files``, and no baseline in the folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    project = tmp_path / "project"
    (project / "suites").mkdir(parents=True)
    (project / "suites" / "__init__.py").write_text("raise RuntimeError('the wrong suites')\n")
    (project / "pytest.ini").write_text("[pytest]\npython_files = check_*.py\n")
    (project / "conftest.py").write_text(
        "import pytest_lic\ndef pytest_report_header(): return f'plugin: {pytest_lic.__file__}'\n"
    )
    pytest_command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    selection = ["--pyargs", "pytest_lic.suites", "-m", "rd", "--lic-codec", "jpeg"]
    ran = subprocess.run(
        [*pytest_command, *selection, "--lic-quality", "5", "--lic-no-cache"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert f"plugin: {tmp_path / 'site'}" in ran.stdout
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == 0


def test_this_environment_was_installed_from_the_present_pyproject() -> None:
    """An editable install keeps the dependencies and entry points of the day it was made."""
    project = PYPROJECT["project"]
    installed = metadata.distribution("pytest-lic")
    advice = "pyproject.toml changed since: run `pip install -e .`, or `tox run -r -e tests`"
    plain = {
        str(requirement)
        for requirement in map(Requirement, installed.requires or [])
        if "extra" not in str(requirement.marker)
    }
    assert plain == {str(Requirement(text)) for text in project["dependencies"]}, advice
    declared = {
        (group, name, target)
        for group, points in project["entry-points"].items()
        for name, target in points.items()
    }
    assert declared <= {(p.group, p.name, p.value) for p in installed.entry_points}, advice


def test_every_tox_command_that_is_documented_exists() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read_string((ROOT / "tox.ini").read_text())
    for name in ("README.md", ".ci/run", ".github/workflows/ci.yml"):
        named = re.findall(r"tox run (?:-\w+ )*?-e ([\w,]+)", (ROOT / name).read_text())
        assert named, f"{name} names no tox environment"
        for environment in ",".join(named).split(","):
            assert f"testenv:{environment}" in tox, f"{name}: tox run -e {environment}"


def test_continuous_integration_runs_the_documented_test_command() -> None:
    command = "tox run -e tests"
    assert command in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci/run").read_text()
