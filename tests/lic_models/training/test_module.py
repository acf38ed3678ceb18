"""One step of training: its precision, what it trains, and divergence."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lic_models.training.module import CodecTraining
from tests.helpers.tiny_run import fit

pytestmark = pytest.mark.usefixtures("tiny_folder")


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
