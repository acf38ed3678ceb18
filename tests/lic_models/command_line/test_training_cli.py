"""Training's command line: options of the trainer, validation, and what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lic_models.__main__ import main
from tests.helpers.tiny_run import LAST, RUN, TINY, C, fit, read_metrics, write

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_early_stopping_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write("tiny.yaml", TINY, {"early_stopping.patience": 1, "trainer.max_steps": -1})
    assert fit("--model.learning_rate=1e-9", "--model.quantizer=NoiseQuantizer") == 0
    out = capsys.readouterr().out
    assert "neither trainer.max_steps nor trainer.max_epochs is given: training goes on" in out
    assert re.search(r"trained for \d+ steps in 0\.\d minutes: the loss has not fallen for 1 ", out)


@pytest.mark.parametrize(
    ("option", "left"),
    [
        ("fast_dev_run=true", set()),
        ("enable_checkpointing=false", {"config.yaml", "metrics.csv"}),
        ("enable_progress_bar=false", {"config.yaml", "metrics.csv", "checkpoints"}),
        ("logger=false", {"config.yaml", "checkpoints"}),
    ],
)
def test_options_of_the_trainer_hold(option: str, left: set[str]) -> None:
    assert fit(f"--trainer.{option}", "--trainer.max_steps=4") == 0
    assert {path.name for path in RUN.glob("*")} == left


def test_a_run_that_writes_nothing_gives_no_advice_on_the_checkpoint_of_another(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN.parent.mkdir()
    whole.rename(RUN)
    capsys.readouterr()
    assert fit("--trainer.logger.init_args.name=other", "--trainer.fast_dev_run=true") == 0
    out = capsys.readouterr().out
    assert "trained for " in out
    assert "export" not in out


def test_another_log_may_be_named_by_its_class(capsys: pytest.CaptureFixture[str]) -> None:
    interrupted = {"class_path": "interrupting.Interrupting", "init_args": {"also": "5:SIGINT"}}
    log = "--trainer.logger=lightning.pytorch.loggers.CSVLogger"
    write("tiny.yaml", TINY, {"trainer.callbacks": [interrupted]})
    assert fit(log) == 130
    checkpoint = RUN / "version_0/checkpoints/last.ckpt"
    assert capsys.readouterr().out.endswith(f"{log} --ckpt_path={checkpoint}\n")
    assert fit(log, f"--ckpt_path={checkpoint}") == 0
    rows = [read_metrics(RUN / f"version_{n}/metrics.csv") for n in (0, 1)]
    steps = [[row["step"] for row in part if "train_loss" in row] for part in rows]
    assert steps == [[2, 5], [8, 11, 14, 17]]


def test_validation_prints_what_the_log_says_of_a_checkpoint_and_of_its_weights(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN.parent.mkdir()
    whole.rename(RUN)
    best = LAST.with_name("best.ckpt")
    assert main(["export", str(best), "--float32"]) == 0
    capsys.readouterr()
    rows = [row for row in read_metrics(RUN / "metrics.csv") if "validation_loss" in row]
    row = min(rows, key=lambda row: row["validation_loss"])
    expected = (
        f"validation loss {row['validation_loss']:.4f}, {row['validation_bpp']:.4f} bpp, "
        f"{row['validation_psnr']:.2f} dB\n"
    )
    for given in (f"--ckpt_path={best}", "--ckpt_path=best"):
        assert main(["validate", "--config=tiny.yaml", given]) == 0
        assert capsys.readouterr() == (expected, "")
    # With the tables, an export settles the medians of the learned densities.
    for weights in ([], ["--weights=tiny-1.safetensors"]):
        assert main(["validate", "--config=tiny.yaml", *weights]) == 0
        out, err = capsys.readouterr()
        loss = float(out.split()[2].rstrip(","))
        assert loss == pytest.approx(row["validation_loss"], rel=1e-3)
        assert err == ""
    assert not Path("runs/tiny-1/version_0").exists()


def test_a_class_explains_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["fit", f"--model.transform.help={C}.ConvolutionalTransform"])
    assert "--model.transform.nonlinearity" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--model.transform.help", f"{C}.ConvolutionalTransform"])


def test_the_resolved_config_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--config=tiny.yaml", "--print_config"])
    assert yaml.safe_load(capsys.readouterr().out)["model"]["lmbda"] == 0.0067
