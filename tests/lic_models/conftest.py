"""Folders to train in, and runs that were trained once for all tests."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from lic_models.__main__ import main
from pytest_lic.measuring.coding import cpu_threads
from tests.helpers.tiny_run import INTERRUPTING, RUN, TINY, fit, write
from tests.helpers.weights import WEIGHTS
from tests.helpers.wrong_input import GOOD


@pytest.fixture
def tiny_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a config and a callback that presses Ctrl-C."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    Path("interrupting.py").write_text(INTERRUPTING)
    write("tiny.yaml", TINY)
    with cpu_threads(1):
        yield tmp_path
    sys.modules.pop("interrupting", None)


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of TINY, never stopped."""
    with pytest.MonkeyPatch.context() as patch, cpu_threads(1):
        patch.chdir(tmp_path_factory.mktemp("whole"))
        write("tiny.yaml", TINY)
        assert fit() == 0
        return RUN.resolve()


@pytest.fixture
def whole(whole_run: Path, tiny_folder: Path) -> Path:
    """A copy of that run, under another name."""
    return Path(shutil.copytree(whole_run, tiny_folder / "whole"))


@pytest.fixture
def photos_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with eight photographs."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 20, 24, 3), np.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(f"photos/{index}.png")
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint, ``last.ckpt``, and its ``weights.safetensors``."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("trained")
        patch.chdir(place)
        Path("good.yaml").write_text(yaml.safe_dump(GOOD))
        bundled = ["--data=lic_models.data.BundledPhotographs", "--data.crop_size=16"]
        assert main(["fit", "--config=good.yaml", *bundled]) == 0
        Path("runs/good-1/checkpoints/last.ckpt").rename("last.ckpt")
        assert main(["export", "last.ckpt", "--out=weights.safetensors"]) == 0
        return place


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Run a command that is refused before anything is written; returns what it says."""

    def refused(*arguments: str) -> str:
        before = set(Path.cwd().rglob("*"))
        capsys.readouterr()
        assert main(arguments) == 2
        _, err = capsys.readouterr()
        (line,) = err.splitlines()
        assert line.startswith("error: ")
        left = {path for path in set(Path.cwd().rglob("*")) - before if path.is_file()}
        assert {path.name for path in left} <= {"config.yaml"}
        return line.removeprefix("error: ")

    return refused


@pytest.fixture
def shipped_weights(tmp_path: Path) -> Path:
    """A copy of one network's weights."""
    copy = tmp_path / WEIGHTS[0].name
    copy.write_bytes(WEIGHTS[0].read_bytes())
    return copy
