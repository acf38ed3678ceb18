"""Checkpoints, Ctrl-C and exact resume: the real command, real signals."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from lic_models.__main__ import main
from lic_models.storage.checkpoint import describe_checkpoint
from tests.helpers.tiny_run import (
    LAST,
    RUN,
    TINY,
    assert_same_outcome,
    command,
    fit,
    payload,
    read_metrics,
    write,
)

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_a_run_that_was_interrupted_and_killed_ends_like_one_that_never_stopped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The real command, real signals: Ctrl-C in the middle of an epoch, later SIGKILL."""
    write("tiny.yaml", TINY, {"trainer.callbacks": [{"class_path": "interrupting.Interrupting"}]})
    line = "python -m lic_models fit --config=tiny.yaml"
    assert fit() == 0
    assert capsys.readouterr().err == ""
    Path("runs").rename("whole")

    begun = command(line, INTERRUPT="5:SIGINT")
    assert begun.returncode == 130, begun.stderr
    assert "Ctrl-C: stopping after this step; press it again to stop at once" in begun.stdout
    *_, told, again = begun.stdout.splitlines()
    assert told == "stopped after step 6; to go on:"
    assert again == f"{line} --ckpt_path={LAST}"
    assert "Traceback" not in begun.stderr

    killed = command(again, INTERRUPT="13:SIGKILL")
    assert killed.returncode == -signal.SIGKILL
    assert describe_checkpoint(LAST)["training"]["steps"] == 12
    assert [path.name for path in LAST.parent.iterdir() if path.suffix == ".new"] == []

    ended = command(f"{line} --ckpt_path=last")
    assert ended.returncode == 0, ended.stderr
    assert "going on after step 12 of runs/tiny-1/checkpoints/last.ckpt" in ended.stdout
    assert ended.stderr == ""  # nothing but what concerns the user

    for name in ("metrics.csv", "config.yaml"):
        assert (RUN / name).read_bytes() == Path("whole/tiny-1", name).read_bytes(), name
    for name in ("last", "best"):
        for run in ("whole", "runs"):
            checkpoint = f"{run}/tiny-1/checkpoints/{name}.ckpt"
            assert main(["export", checkpoint, f"--out={run}-{name}.safetensors"]) == 0
        assert payload(Path(f"whole-{name}.safetensors")) == payload(
            Path(f"runs-{name}.safetensors")
        )
    rates = [
        row["learning_rate"] for row in read_metrics(RUN / "metrics.csv") if "train_loss" in row
    ]
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] < rates[0]  # the plateau's scheduler was at work
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    ("moments", "stopped_after"),
    [
        (["8:SIGINT"], [9]),  # the first step of an epoch, just after a validation
        (["3:SIGINT"], [4]),  # an epoch's last step: its validation comes first
        (["validation4:SIGINT", "14:SIGINT"], [4, 15]),  # while validating; and twice in one run
    ],
    ids=str,
)
def test_wherever_ctrl_c_comes_the_resumed_run_ends_the_same(
    whole: Path, moments: list[str], stopped_after: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    resume: list[str] = []
    for moment, step in zip(moments, stopped_after, strict=True):
        interrupted = {"class_path": "interrupting.Interrupting", "init_args": {"also": moment}}
        write("tiny.yaml", TINY, {"trainer.callbacks": [interrupted]})
        assert fit(*resume) == 130
        assert f"stopped after step {step}; to go on:" in capsys.readouterr().out
        resume = ["--ckpt_path=last"]
    write("tiny.yaml", TINY)
    assert fit(*resume) == 0
    assert_same_outcome(whole, RUN)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_so_it_is_on_a_gpu(precision: str) -> None:
    limits = {"trainer.accelerator": "gpu", "trainer.precision": precision}
    interrupted = {"class_path": "interrupting.Interrupting", "init_args": {"also": "5:SIGINT"}}
    write("tiny.yaml", TINY, limits, {"trainer.callbacks": [interrupted]})
    assert fit() == 130
    write("tiny.yaml", TINY, limits)
    assert fit("--ckpt_path=last") == 0
    assert fit("--trainer.logger.init_args.name=whole") == 0
    assert_same_outcome(Path("runs/whole"), RUN)
    assert describe_checkpoint(LAST)["training"]["device"].startswith("cuda")


@pytest.mark.parametrize(
    ("limits", "moment"),
    [
        ({"trainer.max_steps": -1, "trainer.max_epochs": 3}, "5:SIGINT"),
        ({"trainer.val_check_interval": 2}, "5:SIGINT"),  # just before a validation
        ({"trainer.check_val_every_n_epoch": 2, "model.bfloat16_steps": 7}, "3:SIGINT"),
    ],
    ids=str,
)
def test_so_it_is_under_other_limits(limits: dict[str, Any], moment: str) -> None:
    interrupted = {"class_path": "interrupting.Interrupting", "init_args": {"also": moment}}
    write("tiny.yaml", TINY, limits, {"trainer.callbacks": [interrupted]})
    assert fit() == 130
    write("tiny.yaml", TINY, limits)
    assert fit("--ckpt_path=last") == 0
    assert fit("--trainer.logger.init_args.name=whole") == 0
    assert_same_outcome(Path("runs/whole"), RUN)


def test_a_resumed_run_may_be_given_several_workers(whole: Path) -> None:
    interrupted = {"class_path": "interrupting.Interrupting", "init_args": {"also": "5:SIGINT"}}
    write("tiny.yaml", TINY, {"trainer.callbacks": [interrupted]})
    assert fit("--data.workers=2") == 130
    write("tiny.yaml", TINY)
    assert fit("--ckpt_path=last", "--data.workers=1") == 0
    assert_same_outcome(whole, RUN)


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_checkpoint_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    twice = {"class_path": "interrupting.Interrupting", "init_args": {"also": "9:SIGINT,9:SIGINT"}}
    write("tiny.yaml", TINY, {"trainer.callbacks": [twice]})
    before = signal.getsignal(signal.SIGINT)
    assert fit() == 130
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == (
        "stopped after step 9, at once; the last checkpoint stays as it was"
    )
    assert err == ""
    assert describe_checkpoint(LAST)["training"]["steps"] == 8
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "lic_models.data.BundledPhotographs.setup",
        lambda self, stage: signal.raise_signal(signal.SIGINT),
    )
    before = signal.getsignal(signal.SIGINT)
    assert fit() == 130
    assert capsys.readouterr().err.splitlines()[-1] == "stopped"
    signal.signal(signal.SIGINT, before)


def test_a_run_that_ends_between_validations_keeps_its_last_step(whole: Path) -> None:
    checkpoint = describe_checkpoint(whole / "checkpoints/last.ckpt")
    assert checkpoint["training"]["steps"] == 18
    rows = read_metrics(whole / "metrics.csv")
    assert [row["step"] for row in rows if "validation_loss" in row] == [3, 7, 11, 15]


def test_without_validation_every_epoch_leaves_a_checkpoint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop = {"class_path": "interrupting.Interrupting", "init_args": {"also": "9:SIGINT,9:SIGINT"}}
    write("tiny.yaml", TINY, {"trainer.callbacks": [stop], "data.init_args.validation_share": 0.0})
    assert fit() == 130
    assert describe_checkpoint(LAST)["training"]["steps"] == 8
    assert not (LAST.parent / "best.ckpt").exists()


def test_a_run_stops_in_time_and_goes_on_the_same(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit("--minutes=0.00001") == 0  # over with the first step
    told = capsys.readouterr().out
    assert "stopped after step 1; to go on:" in told
    assert f"--ckpt_path={LAST}" in told
    assert fit("--ckpt_path=last") == 0
    assert_same_outcome(whole, RUN)


def test_minutes_are_positive(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fit("--minutes=-1")
    assert "expected a positive number of minutes" in capsys.readouterr().err
