"""A project of its own for each test: a toy codec, eight small photographs, a cache."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Before pytester looks at sys.modules: torch can't be imported twice, and jsonargparse, imported
# here by some tests, keeps hold of the docstring_parser that it asked for first.
import docstring_parser  # noqa: F401
import platformdirs
import pytest
import torch  # noqa: F401

from pytest_lic.measuring.coding import cpu_threads
from pytest_lic.measuring.metrics import set_registered
from tests.helpers.toy_project import Project, write_photographs

if TYPE_CHECKING:
    from tests.helpers.ab_project import AbProject
    from tests.helpers.ablation_bench import Bench


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, where a shell has put the tests into the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_step_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    """On GitHub, keep the runs of the tests out of the summary of the tests' own run."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What this machine keeps changes no test: measurements, and weights, which not all have."""
    with pytest.MonkeyPatch.context() as patch:
        # Matplotlib's, which holds the fonts it found, takes seconds to fill.
        patch.setenv("MPLCONFIGDIR", str(platformdirs.user_cache_path("matplotlib")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("user-cache")))
        yield


@pytest.fixture(autouse=True)
def no_metrics_of_another_project() -> Iterator[None]:
    """Runs within this process have registered theirs in it."""
    yield
    set_registered(())


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread of torch's in each test."""
    with cpu_threads(1):
        yield


@pytest.fixture(scope="module")
def one_thread_throughout() -> Iterator[None]:
    """One thread of torch's in a module's tests and in what they share."""
    with cpu_threads(1):
        yield


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A project with the intact toy codec and eight photographs, nothing recorded yet."""
    made = Project(pytester)
    write_photographs(made.images)
    made.write_codec()
    return made


@pytest.fixture
def small(pytester: pytest.Pytester) -> Project:
    """A project for what does not hang on the images: two small ones, and PSNR alone."""
    made = Project(pytester, "--lic-metrics=psnr")
    write_photographs(made.images, count=2, side=64)
    made.write_codec()
    return made


@pytest.fixture(scope="session")
def recorded_baselines() -> dict[str, bytes]:
    """Baselines of the intact toy codec, kept by the first test that records them."""
    return {}


@pytest.fixture
def recorded(project: Project, recorded_baselines: dict[str, bytes]) -> Project:
    """The same, with baselines recorded from the intact codec."""
    if not recorded_baselines:
        result = project.run("-m", "rd", "--lic-update")
        assert result.ret == 0, result.stdout.str()
        recorded_baselines["toy"] = project.baseline.read_bytes()
    project.baseline.parent.mkdir(exist_ok=True)
    project.baseline.write_bytes(recorded_baselines["toy"])
    return project


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AbProject:
    """A git repository without commits, for comparisons of two."""
    from tests.helpers.ab_project import repository_in

    return repository_in(tmp_path, monkeypatch)


@pytest.fixture
def with_streams(small: Project) -> Project:
    """The same small project, with bitstreams kept of the intact codec."""
    result = small.run("-m", "conformance", "--lic-update")
    assert result.ret == 0, result.stdout.str()
    return small


@pytest.fixture
def bench(
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    """Six codecs, three quantizers with each of two predictors, and six small photographs."""
    from tests.helpers.ablation_bench import IMAGES, Bench

    project = Project(pytester)
    write_photographs(project.images, count=IMAGES, side=64)
    monkeypatch.chdir(project.path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Bench(project, capsys)


@pytest.fixture
def timed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with the toy codec; pytest-benchmark is on, however these tests are run."""
    from tests.helpers.timed_runs import write

    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    made = Project(pytester)
    write(made)
    return made
