"""``pytest-lic components``: every kind in every seat, with the codecs that have it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_lic.cli import main
from pytest_lic.commands import components as command
from tests.lic_models.config.test_seats import TRANSFORMS

OF_THE_PROJECT = """
from pytest_lic import CodecFamily, ComponentKind

def build(quality, device):
    raise RuntimeError("listing builds nothing")

def pytest_lic_components():
    yield ComponentKind("transform", "mine", "Mine.", "I 2024", "https://mine.org")

def pytest_lic_codecs():
    yield CodecFamily("my-mine", ["1"], build, {"transform": "mine", "coder": "unheard-of"})
    yield CodecFamily("my-swin", ["1"], build, {"transform": "swin"})
    yield CodecFamily("my-tcm", ["1"], build, {"transform": "tcm"}, trained=False)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conftest.py").write_text(OF_THE_PROJECT)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lists_all_kinds_of_a_seat_with_their_codecs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["components", "--seat", "transform", "--json", "kinds.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line.split()[0] for line in lines if not line.startswith(" ")]
    names = {"convolutional", "slimmable", "mine", *TRANSFORMS}
    assert sorted(heads) == sorted(f"transform={name}" for name in names)
    assert lines[lines.index("transform=mine  Mine.") + 1] == "    I 2024, https://mine.org"
    told = json.loads((project / "kinds.json").read_text(encoding="utf-8"))
    kinds = {kind["tag"]: kind for kind in told["kinds"]}
    assert kinds.keys() == names
    assert kinds["mine"]["families"] == ["my-mine"]
    assert kinds["swin"]["weights_here"]
    assert "my-swin" in kinds["swin"]["families"]
    assert "my-tcm" in kinds["tcm"]["untrained_families"]
    assert "msh-gdn" in kinds["convolutional"]["families"]
    assert "msh-gdn-large" in kinds["convolutional"]["untrained_families"]


def test_lists_every_seat_and_no_kind_that_nobody_announces(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["components"]) == 0
    text = capsys.readouterr().out
    seats = dict.fromkeys(line.partition("=")[0] for line in text.splitlines() if line[:1] != " ")
    assert [*filter(None, seats)] == [
        *("transform", "nonlinearity", "quantizer", "architecture", "side_information"),
        *("context", "distribution", "coder", "latent_coding", "sampler", "vector_quantizer"),
        "rate_control",
    ]
    assert "unheard-of" not in text


def test_the_text_fits_the_terminal(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "terminal_width", lambda: 50)
    assert main(["components", "--seat", "distribution"]) == 0
    lines = capsys.readouterr().out.splitlines()
    long = [line.split()[-1] for line in lines if len(line) > 50]
    assert all(word.startswith(("https://", "lic_models.")) for word in long)


def test_a_kind_of_an_installed_package_is_listed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project / "packages"
    metadata = folder / "theirs-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[pytest_lic.components]\ntheirs = theirs:kinds\n")
    (folder / "theirs.py").write_text(
        "from pytest_lic import ComponentKind\n"
        "class Halving:\n"
        '    """Halves."""\n'
        "def kinds():\n"
        '    yield ComponentKind.of(Halving, "transform", "halving")\n'
    )
    monkeypatch.syspath_prepend(folder)
    assert main(["components", "--seat", "transform"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("transform=halving  Halves.") + 1] == "    theirs.Halving"


def test_an_unknown_seat_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components", "--seat", "transfrom"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        "pytest-lic: --seat: no seat is named 'transfrom'; did you mean transform, rate_control, "
        "vector_quantizer?\n"
    )


def test_a_kind_that_is_announced_twice_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "conftest.py"
    path.write_text(
        path.read_text().replace('"transform", "mine", "Mine."', '"coder", "ans", "A."')
    )
    assert main(["components"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("pytest-lic: two kinds of component are named 'coder=ans': one from ")
    assert said.count("\n") == 1
