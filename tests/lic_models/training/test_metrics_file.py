"""The log of a run: means of steps, continued where a killed run left it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from lic_models.training.metrics_file import MetricsFile
from tests.helpers.tiny_run import RUN, fit, read_metrics

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_rows_hold_means_since_the_row_before(whole: Path) -> None:
    assert fit("--trainer.log_every_n_steps=1") == 0
    each = [row for row in read_metrics(RUN / "metrics.csv") if "train_loss" in row]
    means = [row for row in read_metrics(whole / "metrics.csv") if "train_loss" in row]
    assert [row["step"] for row in means] == [2, 5, 8, 11, 14, 17]
    for mean, start in zip(means, range(0, 18, 3), strict=True):
        for name in ("train_loss", "train_bpp", "train_psnr"):
            losses = [row[name] for row in each[start : start + 3]]
            assert mean[name] == pytest.approx(sum(losses) / 3, rel=1e-6)


def test_metrics_go_on_after_a_line_that_was_cut_short(tmp_path: Path) -> None:
    log = MetricsFile(str(tmp_path), "run")
    log.log_metrics({"loss": 1.5, "epoch": 0}, 4)
    log.log_metrics({"loss": 1.25, "epoch": 0}, 9)
    log.log_metrics({"loss": torch.tensor(1.0), "epoch": 1}, 14)
    with log.path.open("a") as file:
        file.write("1,1")  # killed while writing "1,19,0.9"
    resumed = MetricsFile(str(tmp_path), "run")
    resumed.resume(10)
    assert len(log.path.read_text().splitlines()) == 5  # untouched until there is something to say
    resumed.log_metrics({"loss": 0.5, "epoch": 1}, 14)
    resumed.log_metrics({"more": 2.0, "epoch": 1}, 19)
    assert log.path.read_text() == (
        "epoch,step,loss,more\n0,4,1.5,\n0,9,1.25,\n1,14,0.5,\n1,19,,2.0\n"
    )
    with log.path.open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["4", "9", "14", "19"]
