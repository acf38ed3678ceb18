"""Other machines, simulated: which there are, which can't be had here, and that they differ."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from pytest_lic.errors import UnknownNameError
from pytest_lic.system.simulated_environments import (
    AVX2,
    ENVIRONMENTS,
    HERE,
    OLDEST,
    chosen_environments,
    settle,
    why_not_here,
)


def names(*asked: str) -> list[str]:
    return [each.name for each in chosen_environments(asked)]


def test_nothing_is_compared_unless_asked_for() -> None:
    assert names() == []


def test_all_are_chosen_by_one_word_and_the_runs_own_comes_first() -> None:
    assert names("all") == list(ENVIRONMENTS)
    assert names("all")[0] == "here"


def test_the_runs_own_environment_is_always_among_those_chosen() -> None:
    assert names("oldest") == ["here", "oldest"]
    assert names("oldest", "threads-2", "here") == ["here", "threads-2", "oldest"]


def test_an_unknown_environment_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UnknownNameError,
        match=r"--lic-environments: no environment is named 'treads-2'; did you mean threads-2",
    ):
        chosen_environments(["treads-2"])
    with pytest.raises(UnknownNameError, match=r"known: all, avx2, contiguous, cuda, cuda-tf32"):
        chosen_environments(["xyz"])


def test_as_many_threads_as_the_run_has_are_no_other_environment() -> None:
    assert why_not_here(ENVIRONMENTS["threads-2"], 1) is None
    assert why_not_here(ENVIRONMENTS["threads-2"], 2) == "the run itself has 2 threads"


@pytest.mark.parametrize(
    ("native", "oldest", "avx2"),
    [
        ("AVX512", None, None),
        ("AVX2", None, "AVX2 is the newest that this processor has"),
        ("DEFAULT", "this processor has none but the oldest", "has no AVX2"),
    ],
)
def test_instructions_can_only_be_taken_away(
    monkeypatch: pytest.MonkeyPatch, native: str, oldest: str | None, avx2: str | None
) -> None:
    for name in OLDEST:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: native)
    for name, expected in (("oldest", oldest), ("avx2", avx2)):
        reason = why_not_here(ENVIRONMENTS[name], 1)
        assert reason is expected is None or (reason and expected and expected in reason)


def test_a_run_that_is_limited_itself_has_nothing_to_take_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in AVX2.items():
        monkeypatch.setenv(name, value)
    assert "limited to these" in str(why_not_here(ENVIRONMENTS["avx2"], 1))


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda-tf32"):
        assert "sees no CUDA GPU" in str(why_not_here(ENVIRONMENTS[name], 1))
    assert why_not_here(HERE, 1) is None


@pytest.mark.parametrize(("variables", "expected"), [(OLDEST, "DEFAULT"), (AVX2, "AVX2")])
def test_variables_limit_a_process(variables: dict[str, str], expected: str) -> None:
    if expected == "AVX2" and why_not_here(ENVIRONMENTS["avx2"], 1):
        pytest.skip(f"avx2 can't be simulated here: {why_not_here(ENVIRONMENTS['avx2'], 1)}")
    said = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.backends.cpu.get_cpu_capability())"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == expected


def test_a_process_without_onednn_multiplies_without_it() -> None:
    before = torch.backends.mkldnn.enabled
    try:
        settle(ENVIRONMENTS["no-mkldnn"])
        assert not torch.backends.mkldnn.enabled
    finally:
        torch.backends.mkldnn.set_flags(before)
