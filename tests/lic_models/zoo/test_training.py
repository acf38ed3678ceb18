"""A zoo of two tiny networks: trained by turns, stopped, gone on with, one that fails left out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lic_models.storage.checkpoint import describe_checkpoint, read_checkpoint
from lic_models.zoo import ledger
from lic_models.zoo.slices import Children
from tests.helpers.tiny_run import TINY, write

TWO = {"qualities": {"1": {"model.lmbda": 0.0067}, "2": {"model.lmbda": 0.025}}}
OPTIONS = ("--configs=tiny.yaml", "--compile=no", "--processes=2", "--nice=0")
pytestmark = pytest.mark.usefixtures("tiny_folder")


def zoo(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lic_models", "zoo", *OPTIONS, *options],
        capture_output=True,
        text=True,
        timeout=500,
    )


def test_every_quality_comes_to_its_end_and_the_ledger_tells() -> None:
    write("tiny.yaml", TINY | TWO)
    ended = zoo("--minutes=8")
    assert ended.returncode == 0, ended.stderr
    assert "2 networks (0 begun) for 8 minutes on cpu, 2 at a time" in ended.stdout
    assert re.search(r"tiny-1 +0\.0067 +0\.000", ended.stdout)
    slices = ledger.read(Path("runs"))
    assert {done.network: done.steps for done in slices} == {"tiny-1": 18, "tiny-2": 18}
    assert all(done.pixels == 18 * 2 * 32 * 32 and done.loss for done in slices)

    again = zoo("--minutes=8")
    assert again.returncode == 0
    assert "2 networks (2 begun)" in again.stdout
    assert ledger.read(Path("runs")) == slices  # nothing was left to do

    Path("first").mkdir()
    for name in ("tiny-1", "tiny-2"):
        Path("runs", name, "checkpoints/last.ckpt").rename(f"first/{name}.safetensors")
    on = zoo("--minutes=8", "--runs=on", "--start=first", "--", "--model.learning_rate=1e-9")
    assert on.returncode == 0, on.stderr
    ended = Path("on/tiny-2/checkpoints/last.ckpt")
    assert describe_checkpoint(ended)["training"]["start"] == "tiny-2.safetensors"
    before = read_checkpoint(Path("first/tiny-2.safetensors"))["state_dict"]
    for name, value in read_checkpoint(ended)["state_dict"].items():
        if name.endswith(".weight"):
            torch.testing.assert_close(value, before[name], rtol=1e-4, atol=1e-6)


def test_ctrl_c_leaves_checkpoints_and_the_same_command_goes_on() -> None:
    write("tiny.yaml", TINY | TWO, {"trainer.max_steps": 100_000, "early_stopping.patience": 10**6})
    with subprocess.Popen(
        [sys.executable, "-m", "lic_models", "zoo", *OPTIONS, "--minutes=30"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        logs = [Path("runs", f"tiny-{quality}", "metrics.csv") for quality in "12"]
        began = time.monotonic()
        while not all(log.is_file() for log in logs) and time.monotonic() - began < 240:
            time.sleep(0.2)
        os.kill(child.pid, signal.SIGINT)
        told, _ = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "2 have not come to their end; the same command goes on with them" in told
    before = {done.network: done.steps for done in ledger.read(Path("runs"))}
    assert before.keys() == {"tiny-1", "tiny-2"}
    assert min(before.values()) > 0
    ended = zoo("--minutes=8", "--gigapixels=0.0000001", "--", "--trainer.log_every_n_steps=1")
    assert ended.returncode == 0  # less than what they have seen: at their end


def test_a_network_that_fails_is_left_out_and_the_others_go_on() -> None:
    write("tiny.yaml", TINY | TWO)
    Path("runs/tiny-2").mkdir(parents=True)
    Path("runs/tiny-2/metrics.csv").write_text("")  # a run that left no checkpoint
    ended = zoo("--minutes=8")
    assert ended.returncode == 1
    assert "tiny-2: failed, and is left out:" in ended.stdout
    assert "holds an earlier run, which left no checkpoint" in ended.stdout
    assert "failed: tiny-2" in ended.stdout
    assert {done.network for done in ledger.read(Path("runs"))} == {"tiny-1"}


AUTOGROUP = Path("/proc/self/autogroup")


@pytest.mark.skipif(not AUTOGROUP.is_file(), reason="this system has no autogroups")
def test_what_trains_gives_way_to_other_sessions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpriority", lambda *_: 7)
    told = Path("told.txt")
    script = "import time; time.sleep(1); print(open('/proc/self/autogroup').read())"
    assert Children().run([sys.executable, "-c", script], told) == 0
    assert told.read_text().strip().endswith("nice 7")
