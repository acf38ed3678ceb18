"""``python -m lic_models``: exact resume, what a run leaves behind, validating and exporting."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lic_models.__main__ import main
from lic_models.storage.checkpoint import describe_checkpoint, first_difference, read_checkpoint
from lic_models.storage.weights_file import read_tensors
from lic_models.storage.weights_header import read_header
from lic_models.training.loss import mean_psnr
from lic_models.training.metrics_file import MetricsFile, read_metrics
from lic_models.training.module import CodecTraining
from lic_models.training.running_means import RunningMeans
from pytest_lic.measuring.metrics import psnr

C = "lic_models.components"
RUN = Path("runs/tiny-1")
LAST = RUN / "checkpoints/last.ckpt"

# A quantizer that anneals, a learning rate that decays on plateau, early stopping, five epochs.
TINY: dict[str, Any] = {
    "model": {
        "transform": {
            "class_path": f"{C}.ConvolutionalTransform",
            "init_args": {
                "channels": 6,
                "latent_channels": 8,
                "nonlinearity": f"{C}.LeakyReLU",
                "kernel_sizes": [3, 3, 3, 3],
            },
        },
        "quantizer": f"{C}.quantizers.SoftRoundingQuantizer",
        "entropy_model": {"class_path": f"{C}.ScaleHyperprior", "init_args": {"hyper_channels": 4}},
        "lmbda": 0.0067,
        "start": "random",
        "learning_rate": 0.01,
        "patience": 0,
    },
    "data": {
        "class_path": "lic_models.data.BundledPhotographs",
        "init_args": {"batch_size": 2, "crop_size": 32, "steps_per_epoch": 4},
    },
    "trainer": {"max_steps": 18, "log_every_n_steps": 3},
    "early_stopping": {"patience": 4},
}

INTERRUPTING = """
import os
import signal

from lightning.pytorch.callbacks import Callback


class Interrupting(Callback):
    '''Sends this process the signals that INTERRUPT asks for: "5:SIGINT" before the sixth step.'''

    def __init__(self, also="") -> None:
        self.orders = os.environ.get("INTERRUPT", also)

    def send(self, moment):
        for order in filter(None, self.orders.split(",")):
            when, name = order.split(":")
            if when == moment:
                os.kill(os.getpid(), getattr(signal, name))

    def on_train_batch_start(self, trainer, *_):
        self.send(str(trainer.global_step))

    def on_validation_start(self, trainer, *_):
        self.send(f"validation{trainer.global_step}")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a config and a callback that presses Ctrl-C."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    Path("interrupting.py").write_text(INTERRUPTING)
    write("tiny.yaml", TINY)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)
    sys.modules.pop("interrupting", None)


def write(name: str, *layers: dict[str, Any]) -> None:
    """A config: the first mapping, with the others' dotted keys set in it."""
    document = yaml.safe_load(yaml.safe_dump(layers[0]))
    for layer in layers[1:]:
        for key, value in layer.items():
            *above, last = key.split(".")
            place = document
            for each in above:
                place = place.setdefault(each, {})
            place[last] = value
    Path(name).write_text(yaml.safe_dump(document))


def fit(*arguments: str) -> int:
    return main(["fit", "--config=tiny.yaml", *arguments])


def command(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a shell would, with this Python."""
    first, *others = shlex.split(line)
    assert first == "python"
    return subprocess.run(
        [sys.executable, *others],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=500,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of TINY, never stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("whole"))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        write("tiny.yaml", TINY)
        assert fit() == 0
        torch.set_num_threads(threads)
        return RUN.resolve()


@pytest.fixture
def whole(trained: Path, folder: Path) -> Path:
    """A copy of that run, under another name."""
    return Path(shutil.copytree(trained, folder / "whole"))


def assert_same_outcome(one: Path, other: Path) -> None:
    """Two runs ended with the same state, to the bit, and wrote the same log."""
    assert (one / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    (first, _), (second, _) = (read_tensors(run / "checkpoints/last.ckpt") for run in (one, other))
    keys = [key for key in first if not key.startswith("callbacks.KeepCheckpoints")]  # has paths
    assert [key for key in keys if not torch.equal(first[key], second[key])] == []


def payload(path: Path) -> bytes:
    """A safetensors file without its header, which tells how long training took."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return content[8 + length :]


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
    assert [path.name for path in LAST.parent.iterdir() if path.suffix == ".part"] == []

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


def test_an_earlier_run_is_not_written_over(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN.parent.mkdir()
    whole.rename(RUN)
    files = {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    assert fit() == 2
    assert capsys.readouterr().err == (
        "error: runs/tiny-1: holds an earlier run; go on with it (--ckpt_path=last), delete it, or "
        "choose another folder (--trainer.logger.init_args.name=NAME)\n"
    )
    assert {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()} == files
    assert fit("--trainer.logger.init_args.name=other", "--trainer.max_steps=1") == 0
    # One step is fewer than a row of the log takes.
    assert {path.name for path in Path("runs/other").iterdir()} == {"checkpoints", "config.yaml"}


def test_the_saved_config_describes_the_run_again(whole: Path) -> None:
    assert main(["fit", f"--config={whole}/config.yaml"]) == 0
    assert_same_outcome(whole, RUN)
    assert (RUN / "config.yaml").read_bytes() == (whole / "config.yaml").read_bytes()


def test_a_run_that_ends_between_validations_keeps_its_last_step(whole: Path) -> None:
    checkpoint = describe_checkpoint(whole / "checkpoints/last.ckpt")
    assert checkpoint["training"]["steps"] == 18
    rows = read_metrics(whole / "metrics.csv")
    assert [row["step"] for row in rows if "validation_loss" in row] == [3, 7, 11, 15]


def test_rows_hold_means_since_the_row_before(whole: Path) -> None:
    assert fit("--trainer.log_every_n_steps=1") == 0
    each = [row for row in read_metrics(RUN / "metrics.csv") if "train_loss" in row]
    means = [row for row in read_metrics(whole / "metrics.csv") if "train_loss" in row]
    assert [row["step"] for row in means] == [2, 5, 8, 11, 14, 17]
    for mean, start in zip(means, range(0, 18, 3), strict=True):
        for name in ("train_loss", "train_bpp", "train_psnr"):
            losses = [row[name] for row in each[start : start + 3]]
            assert mean[name] == pytest.approx(sum(losses) / 3, rel=1e-6)


def test_without_validation_every_epoch_leaves_a_checkpoint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop = {"class_path": "interrupting.Interrupting", "init_args": {"also": "9:SIGINT,9:SIGINT"}}
    write("tiny.yaml", TINY, {"trainer.callbacks": [stop], "data.init_args.validation_share": 0.0})
    assert fit() == 130
    assert describe_checkpoint(LAST)["training"]["steps"] == 8
    assert not (LAST.parent / "best.ckpt").exists()


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


def test_training_that_diverged_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert fit("--model.learning_rate=1e30", "--model.quantizer=NoiseQuantizer") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "lower" in line


# Where the weights begin


def test_training_may_begin_with_the_weights_of_another_lambda(whole: Path) -> None:
    weights = Path("other.safetensors")
    assert main(["export", f"{whole}/checkpoints/last.ckpt", "--out=other.safetensors"]) == 0
    for index, start in enumerate((weights, whole / "checkpoints/last.ckpt")):
        name = f"--trainer.logger.init_args.name=from-{index}"
        still = ["--trainer.max_steps=1", "--model.learning_rate=1e-12"]
        assert fit(name, f"--model.start={start}", "--model.lmbda=0.025", *still) == 0
        begun = read_checkpoint(Path(f"runs/from-{index}/checkpoints/last.ckpt"))["state_dict"]
        trained = read_checkpoint(whole / "checkpoints/last.ckpt")["state_dict"]
        for key in (key for key in trained if key.endswith("weight")):
            assert torch.allclose(begun[key], trained[key], rtol=1e-3, atol=1e-6), key


def test_training_begins_with_principal_components_unless_told_otherwise() -> None:
    still = ["--trainer.max_steps=1", "--model.learning_rate=1e-12"]
    assert fit("--model.start=principal-components", *still) == 0
    kernel = read_checkpoint(LAST)["state_dict"]["codec.transform.analysis.0.weight"]
    rows = kernel.flatten(1).double()
    gram = rows @ rows.T
    assert torch.allclose(gram, gram.diagonal().diag(), atol=1e-4 * float(gram.max()))


# Precision


def test_the_entropy_model_computes_in_float32_under_every_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lic_models.components import Factorized
    from lic_models.components.entropy_models import EntropyModel
    from lic_models.components.transforms import ConvolutionalTransform

    seen: dict[str, set[tuple[bool, bool, torch.dtype]]] = {"analysis": set(), "entropy": set()}
    original = Factorized.forward
    auxiliary = Factorized.auxiliary_loss

    def forward(self: EntropyModel, latents: torch.Tensor, quantizer: Any) -> Any:
        seen["entropy"].add((self.training, torch.is_autocast_enabled("cpu"), latents.dtype))
        return original(self, latents, quantizer)

    def loss(self: EntropyModel) -> torch.Tensor:
        found = auxiliary(self)
        seen["entropy"].add((self.training, torch.is_autocast_enabled("cpu"), found.dtype))
        return found

    built = ConvolutionalTransform.__init__

    def build(self: Any, *arguments: Any, **more: Any) -> None:
        built(self, *arguments, **more)
        self.analysis.register_forward_hook(
            lambda module, _, out: seen["analysis"].add(
                (module.training, torch.is_autocast_enabled("cpu"), out.dtype)
            )
        )

    monkeypatch.setattr(Factorized, "forward", forward)
    monkeypatch.setattr(Factorized, "auxiliary_loss", loss)
    monkeypatch.setattr(ConvolutionalTransform, "__init__", build)
    factorized = ["--model.entropy_model=Factorized", "--model.quantizer=NoiseQuantizer"]
    assert fit("--trainer.precision=bf16-mixed", *factorized, "--trainer.max_steps=4") == 0
    full = (False, False, torch.float32)  # validation, which nothing may make coarser
    assert seen["analysis"] == {(True, True, torch.bfloat16), full}
    assert seen["entropy"] == {(True, False, torch.float32), full}
    for found in seen.values():
        found.clear()
    early = ["--model.bfloat16_steps=2", "--trainer.logger.init_args.name=early"]
    assert fit(*early, *factorized, "--trainer.max_steps=4") == 0
    train = (True, False, torch.float32)
    assert seen["analysis"] == {(True, True, torch.bfloat16), train, full}
    assert seen["entropy"] == {train, full}


# Validating, exporting


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


def test_exported_weights_say_where_they_come_from(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", f"{whole}/checkpoints/last.ckpt"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(
        r"tiny-1\.safetensors: tiny quality 1, λ = 0\.0067, 18 steps; 0\.\d\d MB\n", out[-80:]
    )
    assert err == ""
    header = read_header(Path("tiny-1.safetensors"))
    training = header.training
    assert (header.name, header.quality, header.lmbda) == ("tiny", "1", 0.0067)
    assert training["steps"] == 18
    assert training["minutes"] >= 0.0
    assert training["data"]["name"] == "BundledPhotographs"
    assert training["data"]["batch_size"] == 2
    assert training["machine"]
    assert str(Path.cwd()) not in str(header)


def test_weights_are_exported_where_the_config_says(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("configs").mkdir()
    changed = {"weights": "../trained/{name}.{quality}.safetensors", "format_version": 3}
    write("configs/tiny.yaml", TINY, changed)
    assert main(["fit", "--config=configs/tiny.yaml", "--trainer.max_steps=1"]) == 0
    assert main(["export", str(LAST)]) == 0
    assert read_header(Path("trained/tiny.1.safetensors")).format_version == 3


def test_half_precision_kernels_are_half_the_bytes(whole: Path) -> None:
    checkpoint = f"{whole}/checkpoints/last.ckpt"
    assert main(["export", checkpoint, "--out=half.safetensors"]) == 0
    assert main(["export", checkpoint, "--float32", "--out=full.safetensors"]) == 0
    half, _ = read_tensors(Path("half.safetensors"))
    full, _ = read_tensors(Path("full.safetensors"))
    key = "transform.analysis.0.weight"
    assert (half[key].dtype, full[key].dtype) == (torch.float16, torch.float32)
    assert torch.equal(half[key], full[key].half())


# Small parts


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


def test_means_go_on_where_they_were_saved() -> None:
    means, restored = RunningMeans(), RunningMeans()
    means.add({"a": torch.tensor(1.0)})
    restored.load_state_dict(means.state_dict(), torch.device("cpu"))
    assert restored.add({"a": torch.tensor(4.0)}) == {"a": torch.tensor(2.5)}
    restored.clear()
    assert restored.add({"a": torch.tensor(4.0)}) == {"a": torch.tensor(4.0)}


def test_psnr_is_that_of_the_plugin() -> None:
    torch.manual_seed(0)
    images = (torch.rand(3, 3, 20, 24) * 255).round() / 255
    decoded = images + 0.2 * torch.randn(images.shape)
    expected = [
        psnr(*((each * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy() for each in pair))
        for pair in zip(images, decoded, strict=True)
    ]
    assert float(mean_psnr(decoded, images)) == pytest.approx(sum(expected) / 3, abs=1e-4)


def test_components_are_compared_argument_by_argument() -> None:
    known = {"quantizer": {"class_path": "a.B", "init_args": {"levels": 16, "seed": 0}}}
    older = {"quantizer": {"class_path": "a.B", "init_args": {"levels": 16}}}
    other = {"quantizer": {"class_path": "a.B", "init_args": {"levels": 8, "seed": 0}}}
    assert first_difference(known, known) is None
    assert first_difference(older, known) is None
    assert first_difference(other, known) == ("quantizer.init_args.levels", 8, 16)
    assert first_difference({"quantizer": {"class_path": "a.C"}}, known) == (
        "quantizer",
        "a.C",
        "a.B",
    )


# Help


@pytest.mark.parametrize("arguments", [["--help"], ["export", "--help"]], ids=str)
def test_help_of_ours(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    assert "python -m lic_models" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["fit", "validate", "test"])
def test_help_of_a_command_is_short_first_and_whole_after_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    out, err = capsys.readouterr()
    short, _, whole = out.partition("--data.help CLASS")
    assert "--config FILE" in short
    assert "--quality LABEL" in short
    assert len(short.splitlines()) < 30
    assert "λ, the weight of distortion against rate" in whole
    assert err == ""


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


def test_the_entropy_model_can_be_trained_alone() -> None:
    training = CodecTraining(trained="entropy_model", decay="constant")
    main_steps, auxiliary_steps = training.configure_optimizers()
    groups = [*main_steps.param_groups, *auxiliary_steps.param_groups]
    stepped = {id(parameter) for group in groups for parameter in group["params"]}
    names = {name for name, each in training.codec.named_parameters() if id(each) in stepped}
    every = {name for name, _ in training.codec.named_parameters()}
    assert names == {name for name in every if name.startswith("entropy_model.")} < every
    assert not any(each.requires_grad for each in training.codec.transform.parameters())
