"""One step of training: its precision, what it trains, and divergence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lic_models.components import (
    QVRF,
    GainUnits,
    MeanScaleHyperprior,
    SlimmableEntropyModel,
    SlimmableTransform,
    SlimmableWidths,
)
from lic_models.storage.checkpoint import describe_checkpoint
from lic_models.storage.weights_file import read_tensors
from lic_models.training.loss import rate_distortion_loss
from lic_models.training.module import CodecTraining
from pytest_lic.errors import UsageError
from tests.helpers.tiny_run import LAST, RUN, assert_same_outcome, fit, read_metrics

pytestmark = pytest.mark.usefixtures("tiny_folder")
METRICS = RUN / "metrics.csv"
EVERY_STEP = ("--trainer.log_every_n_steps=1",)


def is_of_training(row: dict[str, float]) -> bool:
    return "train_loss" in row


def test_training_that_diverged_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert fit("--model.learning_rate=1e30", "--model.quantizer=NoiseQuantizer") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "lower" in line


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


def test_the_entropy_model_can_be_trained_alone() -> None:
    training = CodecTraining(trained="entropy_model", decay="constant")
    main_steps, auxiliary_steps = training.configure_optimizers()
    groups = [*main_steps.param_groups, *auxiliary_steps.param_groups]
    stepped = {id(parameter) for group in groups for parameter in group["params"]}
    names = {name for name, each in training.codec.named_parameters() if id(each) in stepped}
    every = {name for name, _ in training.codec.named_parameters()}
    assert names == {name for name in every if name.startswith("entropy_model.")} < every
    assert not any(each.requires_grad for each in training.codec.transform.parameters())


@pytest.mark.parametrize(
    ("trained", "control", "told"),
    [
        ("entropy_model", GainUnits([0.01, 0.1]), "with GainUnits they are others at each level"),
        ("rate_control", QVRF([0.01, 0.1], learned=False), "QVRF has nothing of its own to train"),
        ("rate_control", None, "NoRateControl has nothing of its own to train"),
    ],
)
def test_what_can_not_be_trained_alone_is_refused(trained: Any, control: Any, told: str) -> None:
    with pytest.raises(UsageError, match=f"model.trained: {trained}.*{told}"):
        CodecTraining(entropy_model=MeanScaleHyperprior(), rate_control=control, trained=trained)


def test_an_entropy_model_alone_trains_on_latents_that_are_kept() -> None:
    """They are made once, the rate falls, and an interrupted run ends the same."""
    assert fit("--trainer.max_steps=3") == 0
    steady = "--model.quantizer=NoiseQuantizer"  # anneals nothing over a planned run
    alone = [steady, "--model.trained=entropy_model", f"--model.start={LAST}", *EVERY_STEP]
    named = "--trainer.logger.init_args.name=alone"
    assert fit(*alone, named, "--trainer.max_steps=30", "--trainer.limit_val_batches=0") == 0
    (kept,) = Path("runs/latents").iterdir()
    before = (kept / "latents.npy").stat().st_mtime_ns
    rows = [row for row in read_metrics(Path("runs/alone/metrics.csv")) if is_of_training(row)]
    assert rows[-1]["train_loss"] == rows[-1]["train_bpp"] < rows[0]["train_bpp"]
    trained = describe_checkpoint(Path("runs/alone/checkpoints/last.ckpt"))["training"]
    assert trained["pixels"] == 30 * 2 * 32 * 32
    twice = "--trainer.logger.init_args.name=twice"
    assert fit(*alone, twice, "--trainer.max_steps=18", "--trainer.limit_val_batches=0") == 0
    again = [*alone, twice, "--ckpt_path=last", "--trainer.limit_val_batches=0"]
    assert fit(*again, "--trainer.max_steps=30") == 0
    assert (kept / "latents.npy").stat().st_mtime_ns == before
    assert_same_outcome(Path("runs/alone"), Path("runs/twice"))


def test_a_context_that_predicts_residuals_trains_on_images() -> None:
    """Kept latents know no distortion, which alone tells what a residual is good for."""
    seat = "--model.entropy_model"
    predicting = [
        f"{seat}=JointEntropyModel",
        f"{seat}.init_args.context=ChannelwiseContext",
        f"{seat}.init_args.context.init_args.slices=2",
        f"{seat}.init_args.context.init_args.residual_prediction=true",
        "--model.quantizer=MixedQuantizer",
        "--model.trained=entropy_model",
    ]
    assert fit(*predicting, *EVERY_STEP, "--trainer.max_steps=2") == 0
    assert not Path("runs/latents").exists()
    rows = [row for row in read_metrics(METRICS) if is_of_training(row)]
    assert all(row["train_loss"] > row["train_bpp"] for row in rows)


def test_an_entropy_model_without_quantiles_trains_with_one_optimizer() -> None:
    seat = "--model.entropy_model"
    bare = [f"{seat}=JointEntropyModel", f"{seat}.init_args.side_information=NoInformation"]
    assert fit(*bare, *EVERY_STEP, "--trainer.max_steps=2") == 0
    rows = [row for row in read_metrics(METRICS) if is_of_training(row)]
    assert {row["train_auxiliary_loss"] for row in rows} == {0}


def test_late_decay_keeps_the_learning_rate_and_then_lets_it_fall() -> None:
    assert (
        fit("--model.decay=late", "--model.warm_up=3", *EVERY_STEP, "--trainer.max_steps=20") == 0
    )
    rates = {
        int(row["step"]): row["learning_rate"]
        for row in read_metrics(METRICS)
        if is_of_training(row)
    }
    assert [rates[step] for step in range(4)] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert {rates[step] for step in range(4, 14)} == {0.01}
    falling = [rates[step] for step in range(14, 20)]
    assert falling == sorted(falling, reverse=True)
    assert rates[17] == pytest.approx(0.01 * (3 / 20) / 0.3)


def test_late_decay_needs_to_know_how_long_the_run_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert fit("--model.decay=late", "--trainer.max_steps=-1") == 2
    assert "decay: late needs to know how long the run is" in capsys.readouterr().err


def test_the_scale_of_a_laplace_likelihood_is_learned_kept_and_told() -> None:
    laplace = ("--model.distortion=laplace", "--model.quantizer=NoiseQuantizer", *EVERY_STEP)
    assert fit(*laplace, "--trainer.max_steps=3", "--trainer.logger.init_args.name=whole") == 0
    assert fit(*laplace, "--trainer.max_steps=2") == 0
    assert fit(*laplace, "--ckpt_path=last", "--trainer.max_steps=3") == 0
    ends = [read_tensors(run / "checkpoints/last.ckpt")[0] for run in (Path("runs/whole"), RUN)]
    (name,) = (name for name in ends[0] if name.endswith("log_scale") and "state_dict" in name)
    assert torch.equal(ends[0][name], ends[1][name])
    scales = [row["train_scale"] for row in read_metrics(METRICS) if is_of_training(row)]
    assert scales[0] == pytest.approx(0.05)
    assert len(set(scales)) == 3
    assert describe_checkpoint(LAST)["training"]["scale"] == pytest.approx(scales[-1], rel=0.02)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler (g++) on the path")
def test_a_compiled_step_trains_as_one_that_is_not() -> None:
    noiseless = ["--model.quantizer=StraightThroughQuantizer", *EVERY_STEP, "--trainer.max_steps=3"]
    assert fit(*noiseless, "--trainer.logger.init_args.name=eager") == 0
    assert fit(*noiseless, "--model.compiled=true") == 0
    eager, compiled = (
        [row["train_loss"] for row in read_metrics(path) if is_of_training(row)]
        for path in (Path("runs/eager/metrics.csv"), METRICS)
    )
    assert len(eager) == 3
    assert compiled == pytest.approx(eager, rel=1e-3)


def test_a_checkpoint_tells_the_pixels() -> None:
    assert fit("--trainer.max_steps=5") == 0
    assert fit("--ckpt_path=last", "--trainer.max_steps=7") == 0
    assert describe_checkpoint(LAST)["training"]["pixels"] == 7 * 2 * 32 * 32


def slimmable_training() -> CodecTraining:
    torch.manual_seed(0)
    transform = SlimmableTransform([(2, 3), (4, 8)], kernel_sizes=(3, 3, 3, 3))
    entropy_model = SlimmableEntropyModel([3, 8])
    return CodecTraining(
        transform, entropy_model=entropy_model, rate_control=SlimmableWidths([0.002, 0.05])
    )


def test_the_loss_of_slimmable_widths_is_the_mean_of_each_ones_at_its_own_lambda() -> None:
    training = slimmable_training().eval()
    images = torch.rand(2, 3, 32, 32)
    expected = []
    with torch.no_grad():
        for level, lmbda in enumerate((0.002, 0.05)):
            outputs = training.codec(images, torch.tensor([float(level)]))
            expected.append(float(rate_distortion_loss(outputs, images, lmbda).total))
        found = float(training._rated_eagerly(images)["loss"])
    assert found == pytest.approx(sum(expected) / 2)
    assert expected[0] != pytest.approx(expected[1], rel=0.1)


def test_a_step_reaches_the_weights_of_every_width() -> None:
    training = slimmable_training()
    training._rated_eagerly(torch.rand(1, 3, 32, 32))["loss"].backward()
    for name, parameter in training.codec.named_parameters():
        assert parameter.grad is not None or name.endswith("quantiles"), name
