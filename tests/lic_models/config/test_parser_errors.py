"""Wrong configs: one line that names the file, the key and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lic_models.config.parser_errors import Problem, explain
from tests.helpers.wrong_input import NONLINEARITY, QUANTIZER, C, write

pytestmark = pytest.mark.usefixtures("photos_folder")


CONFIGS: list[tuple[dict[str, Any], str]] = [
    # Misspelt keys, at every level
    ({"modle.lmbda": 1}, "my.yaml: no key is named 'modle'; did you mean model, name?"),
    (
        {"model.lamda": 1},
        "my.yaml: model.lamda: no such option; did you mean model.lmbda?",
    ),
    (
        {"trainer.max_step": 3},
        "my.yaml: trainer.max_step: no such option; did you mean trainer.max_steps or "
        "trainer.max_time or trainer.min_steps?",
    ),
    (
        {"early_stopping.patiense": 3},
        "my.yaml: early_stopping.patiense: no such option; did you mean early_stopping.patience?",
    ),
    (
        {"model.transform.init_args.chanels": 3},
        "my.yaml: model.transform.init_args.chanels: ConvolutionalTransform has no such argument; "
        "did you mean channels or latent_channels?",
    ),
    (
        {"model.transform.init_arg": {}},
        "my.yaml: model.transform: no key is named 'init_arg'; did you mean init_args, "
        "dict_kwargs?",
    ),
    (
        {QUANTIZER: {"class_pth": f"{C}.MixedQuantizer"}},
        "my.yaml: model.quantizer.class_pth: no such key; did you mean class_path?",
    ),
    (
        {NONLINEARITY: {"class_path": f"{C}.LeakyReLU", "init_args": {"slop": 0.1}}},
        "my.yaml: model.transform.init_args.nonlinearity.init_args.slop: LeakyReLU has no such "
        "argument; did you mean slope?",
    ),
    (
        {"data.init_args.crop_sise": 64},
        "my.yaml: data.init_args.crop_sise: ImageFolder has no such argument; did you mean "
        "crop_size or crop?",
    ),
    (
        {"qualities": {"low": {"model.lamda": 0.1}}},
        "my.yaml: qualities.low.model.lamda: no such option; did you mean model.lmbda?",
    ),
    (
        {"data.init_args": {}},
        "my.yaml: data.init_args.path: missing, and lic_models.data.ImageFolder needs it",
    ),
    # Classes
    (
        {QUANTIZER: f"{C}.NoizeQuantizer"},
        f"my.yaml: model.quantizer: {C} has no class NoizeQuantizer; did you mean NoiseQuantizer "
        "or MixedQuantizer or Quantizer?",
    ),
    (
        {QUANTIZER: "nowhere.NoiseQuantizer"},
        "my.yaml: model.quantizer: there is no module nowhere; expected a class path that imports",
    ),
    (
        {QUANTIZER: f"{C}.Factorized"},
        f"my.yaml: model.quantizer: {C}.Factorized is no Quantizer; expected the class path of one",
    ),
    (
        {QUANTIZER: 3},
        "my.yaml: model.quantizer: 3 is no Quantizer; expected the class path of one",
    ),
    (
        {NONLINEARITY: "torch.nn.ReLU"},
        "my.yaml: model.transform.init_args.nonlinearity: torch.nn.ReLU is no Nonlinearity; "
        "expected the class path of one",
    ),
    (
        {NONLINEARITY: f"{C}.GDNN"},
        f"my.yaml: model.transform.init_args.nonlinearity: {C} has no class GDNN; did you mean "
        "GDN or GSDN?",
    ),
    # Components that do not fit each other
    (
        {"model.entropy_model": {"class_path": "Factorized", "init_args": {"latent_channels": 40}}},
        "my.yaml: model.entropy_model.init_args.latent_channels: 40, but the transform "
        "(ConvolutionalTransform) gives 4 latent channels; make them equal, or leave the entropy "
        "model's out",
    ),
    # Values
    ({"model.lmbda": "high"}, "my.yaml: model.lmbda: high; expected a number"),
    ({"model.lmbda": -1}, "my.yaml: model.lmbda: -1; expected a positive number"),
    ({"model.lmbda": 0}, "my.yaml: model.lmbda: 0; expected a positive number"),
    ({"model.lmbda": float("nan")}, "my.yaml: model.lmbda: nan; expected a positive number"),
    ({"model.patience": -1}, "my.yaml: model.patience: -1; expected 0 or more"),
    (
        {"model.decay": "linaer"},
        "my.yaml: model.decay: linaer; expected plateau, linear, late or constant",
    ),
    (
        {"model.transform.init_args.channels": "many"},
        "my.yaml: model.transform.init_args.channels: many; expected a whole number or null",
    ),
    (
        {"model.transform.init_args.kernel_sizes": [3, "a", 3, 3]},
        "my.yaml: model.transform.init_args.kernel_sizes: a; expected a whole number",
    ),
    ({"trainer.max_steps": "lots"}, "my.yaml: trainer.max_steps: lots; expected a whole number"),
    (
        {"data.init_args.crop_size": -1},
        "my.yaml: data.init_args.crop_size: -1: expected 1 or more",
    ),
    ({"model": [1]}, "my.yaml: model: [1]; expected options below it"),
    (
        {"weights": "{nome}"},
        "my.yaml: weights: '{nome}'; the only placeholders are {name} and {quality}",
    ),
    # What only shows when training begins
    (
        {"model.decay": "linear", "trainer.max_steps": -1},
        "my.yaml: model.decay: linear needs to know how long the run is; give --trainer.max_steps",
    ),
    (
        {QUANTIZER: f"{C}.quantizers.SoftRoundingQuantizer", "trainer.max_steps": -1},
        "my.yaml: model.quantizer: SoftRoundingQuantizer needs to know how long the run is; give "
        "--trainer.max_steps",
    ),
    (
        {"trainer.precision": "64-true"},
        "my.yaml: trainer.precision: 64-true; expected 32-true or bf16-mixed (the entropy model "
        "needs float32)",
    ),
    (
        {"model.distortion": "ms-ssim"},
        "my.yaml: model.distortion: ms-ssim needs crops of at least 161 pixels, got 16×16; give "
        "--data.crop_size=192",
    ),
    (
        {"data.init_args.crop_size": 20},
        "my.yaml: data.init_args.crop_size: crops of 20×20 pixels; expected multiples of 16, the "
        "pixels that share a latent",
    ),
    (
        {"model.start": "randm"},
        "my.yaml: model.start: randm is no file; expected principal-components, random, or the "
        "path of exported weights or of a checkpoint, or the name of shipped ones such as "
        "msh-gdn-2.safetensors",
    ),
    (
        {"data.init_args.path": "nowhere"},
        "nowhere: no such folder; --data.path expects a folder of images",
    ),
]


@pytest.mark.parametrize(("changes", "message"), CONFIGS, ids=lambda each: str(each)[:60])
def test_a_wrong_config_is_one_line(
    changes: dict[str, Any], message: str, refusal: Callable[..., str]
) -> None:
    write(changes)
    assert refusal("fit", "--config=my.yaml") == message


def test_a_message_that_is_not_understood_is_kept_but_shortened() -> None:
    assert explain("something\n  new") == Problem("", "something new")
    assert len(explain("x" * 1000).what) == 200
