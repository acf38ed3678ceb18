"""Bad input to ``python -m lic_models``: one line that names the file and the key."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from lic_models import families
from lic_models.__main__ import main
from lic_models.config.codec_config import SHIPPED, find_config, read_codec_config
from lic_models.config.parser_errors import Problem, explain
from lic_models.storage.weights_file import read_tensors, write_tensors
from pytest_lic.errors import UsageError

C = "lic_models.components"
TRANSFORM = f"{C}.ConvolutionalTransform"
SMALL = {"channels": 4, "latent_channels": 4, "kernel_sizes": [3, 3, 3, 3]}
GOOD: dict[str, Any] = {
    "model": {"transform": {"class_path": TRANSFORM, "init_args": SMALL}, "start": "random"},
    "data": {
        "class_path": "lic_models.data.ImageFolder",
        "init_args": {"path": "photos", "batch_size": 1, "crop_size": 16, "steps_per_epoch": 1},
    },
    "trainer": {"max_steps": 1},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with eight photographs."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 20, 24, 3), np.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(f"photos/{index}.png")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint, ``last.ckpt``, and its ``weights.safetensors``."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("trained")
        patch.chdir(place)
        Path("good.yaml").write_text(yaml.safe_dump(GOOD))
        bundled = ["--data=lic_models.data.BundledPhotographs", "--data.crop_size=16"]
        assert main(["fit", "--config=good.yaml", *bundled]) == 0
        Path("runs/good-1/checkpoints/last.ckpt").rename("last.ckpt")
        assert main(["export", "last.ckpt", "--out=weights.safetensors"]) == 0
        return place


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Run a command that is refused before anything is written; returns what it says."""

    def refused(*arguments: str) -> str:
        before = set(Path.cwd().rglob("*"))
        capsys.readouterr()
        assert main(arguments) == 2
        _, err = capsys.readouterr()
        (line,) = err.splitlines()
        assert line.startswith("error: ")
        left = {path for path in set(Path.cwd().rglob("*")) - before if path.is_file()}
        assert {path.name for path in left} <= {"config.yaml"}
        return line.removeprefix("error: ")

    return refused


def write(changes: dict[str, Any], name: str = "my.yaml") -> None:
    """`GOOD` with some dotted keys set."""
    document = yaml.safe_load(yaml.safe_dump(GOOD))
    for key, value in changes.items():
        *above, last = key.split(".")
        place = document
        for each in above:
            place = place.setdefault(each, {})
        place[last] = value
    Path(name).write_text(yaml.safe_dump(document, sort_keys=False))


QUANTIZER = "model.quantizer"
NONLINEARITY = "model.transform.init_args.nonlinearity"

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
        "my.yaml: model.decay: linaer; expected plateau, linear or constant",
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
        "path of exported weights or of a checkpoint",
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model.lamda=3"],
            "--model.lamda: no such option; did you mean model.lmbda?",
        ),
        (["--model.lmbda=high"], "--model.lmbda: high; expected a number"),
        (["--model.lmbda=-1"], "--model.lmbda: -1; expected a positive number"),
        (["--model.lmbda"], "--model.lmbda: expected a value after it"),
        (["--data.crop_size=0"], "--data.crop_size: 0: expected 1 or more"),
        (
            ["--data.crop_sise=8"],
            "--data.crop_sise: ImageFolder has no such argument; did you mean crop_size or crop?",
        ),
        (["rubbish"], "rubbish: no such option"),
        (["--quality=9"], "--quality (my.yaml): no quality is named '9'; known: 1"),
        (
            ["--config=my.yaml"],
            "--config: given 2 times; let one file extend the other (extends: …)",
        ),
        (
            ["--ckpt_path=nowhere"],
            "--ckpt_path=nowhere: no such file; expected a checkpoint, such "
            "as runs/my-1/checkpoints/last.ckpt",
        ),
        (
            ["--ckpt_path=photos"],
            "--ckpt_path=photos: is a folder; expected a checkpoint, such as "
            "runs/my-1/checkpoints/last.ckpt",
        ),
        (
            ["--ckpt_path=last"],
            "--ckpt_path=last: runs/my-1/checkpoints/last.ckpt is not there; "
            "give the path of a checkpoint",
        ),
        (
            ["--data.crop_size=32"],
            "photos/0.png: 24×20 pixels, smaller than the crop of 32×32; "
            "take it out or ask for a smaller --data.crop_size, or go on without it: "
            "--data.on_broken=skip (6 more can't be used)",
        ),
        (
            ["--trainer.accelerator=cuda"],
            "my.yaml: trainer: `CUDAAccelerator` can not run on your system ",
        ),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_wrong_option_is_one_line(
    arguments: list[str], message: str, refusal: Callable[..., str]
) -> None:
    write({})
    line = refusal("fit", "--config=my.yaml", *arguments)
    assert line.startswith(message) if message.endswith(" ") else line == message


def test_a_key_of_a_file_that_is_extended_is_blamed_on_that_file(
    refusal: Callable[..., str],
) -> None:
    write({"model.lmbda": "high"}, "base.yaml")
    Path("my.yaml").write_text("extends: base.yaml\nmodel: {patience: 3}\n")
    assert refusal("fit", "--config=my.yaml") == "base.yaml: model.lmbda: high; expected a number"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            "my.yaml: can't be read (No such file or directory); expected a YAML file that "
            "describes a codec",
        ),
        ("", "my.yaml: holds NoneType; expected keys such as model and data"),
        ("- 1", "my.yaml: holds list; expected keys such as model and data"),
        ("a: [", "my.yaml: not YAML (while parsing"),
        ("extends: my.yaml", "my.yaml: extends: my.yaml extends this file in turn; end the loop"),
        ("extends: b.yaml", "b.yaml: extends: my.yaml extends this file in turn; end the loop"),
        (
            "extends: fp-gnd",
            "my.yaml: extends: fp-gnd: no such file beside it; the shipped ones are fp-1dn, ",
        ),
        ("extends: [1]", "my.yaml: extends: [1]; expected a path or a shipped name"),
        ("qualities: {}", "my.yaml: qualities: {}; expected label → options"),
        ("qualities: {1: 0.0018}", "my.yaml: qualities: 1: 0.0018; expected options such as "),
        (
            "extends: fp-gdn",
            "my.yaml: describes 4 qualities (1, 2, 3, 4); choose one with --quality",
        ),
    ],
    ids=str,
)
def test_a_file_that_describes_no_codec(
    content: str | None, message: str, refusal: Callable[..., str]
) -> None:
    if content is not None:
        Path("my.yaml").write_text(content)
    Path("b.yaml").write_text("extends: my.yaml")
    assert refusal("fit", "--config=my.yaml").startswith(message)


def test_a_folder_in_place_of_a_config(refusal: Callable[..., str]) -> None:
    assert refusal("fit", "--config=photos").startswith("photos: can't be read (Is a directory)")


def test_no_config(refusal: Callable[..., str]) -> None:
    assert refusal("fit") == (
        "python -m lic_models fit: no --config FILE; give a YAML file that describes the codec, "
        "such as one that begins with extends: fp-gdn"
    )


def test_the_plugin_refuses_a_wrong_config_in_the_same_words() -> None:
    write({QUANTIZER: f"{C}.NoizeQuantizer"})
    with pytest.raises(UsageError, match=r"my\.yaml: model\.quantizer: .*did you mean NoiseQuant"):
        families.read_config(Path("my.yaml"))


def test_a_shipped_config_goes_by_its_name_and_finds_its_weights() -> None:
    path = find_config("fp-gdn")
    assert path == SHIPPED / "fp-gdn.yaml"
    weights = read_codec_config(path).weights_path("1").resolve()
    assert weights == families.WEIGHTS.resolve() / "fp-gdn-1.safetensors"
    Path("fp-gdn").touch()
    assert find_config("fp-gdn") == Path("fp-gdn")


# Checkpoints and weights


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    torch.save({"state_dict": {}}, path)


def bare_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {}}))


def text(path: Path) -> None:
    path.write_text("model: {lmbda: 0.1}\n" * 20)


def foreign(path: Path) -> None:
    save_file({"a": torch.zeros(2)}, path)


SPOILT = [
    (cut, ": truncated or not a safetensors file ("),
    (empty, ": truncated or not a safetensors file (it is empty)"),
    (pickled, ": a pickle, which is never loaded since it can run code; convert it to "),
    (bare_pickle, ": a pickle, which is never loaded since it can run code; convert it to "),
    (text, ": truncated or not a safetensors file ("),
    (foreign, ": "),
]


@pytest.mark.parametrize("use", ["fit", "start", "export", "validate", "test", "weights"])
@pytest.mark.parametrize(("spoil", "message"), SPOILT, ids=[each.__name__ for each, _ in SPOILT])
def test_a_spoilt_checkpoint_is_refused_wherever_it_is_given(
    trained: Path,
    spoil: Callable[[Path], None],
    message: str,
    use: str,
    refusal: Callable[..., str],
) -> None:
    Path("bad.ckpt").write_bytes((trained / "last.ckpt").read_bytes())
    spoil(Path("bad.ckpt"))
    write({"data.init_args.test_path": str(Path("test"))})
    Path("photos/0.png").rename("test.png")
    Path("test").mkdir()
    Path("test.png").rename("test/0.png")
    commands = {
        "fit": ["fit", "--config=my.yaml", "--ckpt_path=bad.ckpt"],
        "start": ["fit", "--config=my.yaml", "--model.start=bad.ckpt"],
        "export": ["export", "bad.ckpt"],
        "validate": ["validate", "--config=my.yaml", "--ckpt_path=bad.ckpt"],
        "test": ["test", "--config=my.yaml", "--ckpt_path=bad.ckpt"],
        "weights": ["test", "--config=my.yaml", "--weights=bad.ckpt"],
    }
    line = refusal(*commands[use])
    assert line.startswith("bad.ckpt")
    if use != "weights" and spoil is not foreign:
        assert line.startswith(f"bad.ckpt{message}")


def test_weights_are_no_checkpoint(trained: Path, refusal: Callable[..., str]) -> None:
    write({})
    weights = trained / "weights.safetensors"
    for command in (
        ["fit", "--config=my.yaml", f"--ckpt_path={weights}"],
        ["export", str(weights)],
    ):
        assert refusal(*command) == (
            f"{weights}: weights, not a checkpoint of training; start from them with "
            f"--model.start={weights}"
        )


OTHER = {"model.transform.init_args.channels": 8}


def test_a_checkpoint_of_another_architecture(trained: Path, refusal: Callable[..., str]) -> None:
    write(OTHER)
    checkpoint, weights = trained / "last.ckpt", trained / "weights.safetensors"
    differs = (
        ": of another codec: its transform.init_args.channels is 4, this one's is 8; "
        "give the config and the options that it was trained with"
    )
    for name in ("fit", "validate"):
        line = refusal(name, "--config=my.yaml", f"--ckpt_path={checkpoint}")
        assert line == f"{checkpoint}{differs}"
    for name in ("validate", "test"):
        line = refusal(name, "--config=my.yaml", f"--weights={weights}")
        assert line == f"{weights}{differs}"
    line = refusal("fit", "--config=my.yaml", f"--model.start={checkpoint}")
    assert line.startswith(f"{checkpoint}: weights of another codec than the one described, ")


def test_a_checkpoint_of_another_lambda(trained: Path, refusal: Callable[..., str]) -> None:
    write({"model.lmbda": 0.025})
    checkpoint = trained / "last.ckpt"
    assert refusal("fit", "--config=my.yaml", f"--ckpt_path={checkpoint}") == (
        f"{checkpoint}: trained for λ = 0.0067, not 0.025; to begin with its weights give "
        f"--model.start={checkpoint} in place of --ckpt_path"
    )


def test_weights_that_are_not_finite_are_not_exported(
    trained: Path, refusal: Callable[..., str]
) -> None:
    tensors, header = read_tensors(trained / "last.ckpt")
    key = "state_dict.codec.transform.analysis.0.weight"
    for value, message in (
        (float("nan"), "transform.analysis.0.weight holds values that are not finite; train it "),
        (1e6, "transform.analysis.0.weight holds values beyond float16's ±65504; export with "),
    ):
        tensors[key] = tensors[key].clone()
        tensors[key][0, 0, 0, 0] = value
        write_tensors(tensors, Path("bad.ckpt"), header)
        assert refusal("export", "bad.ckpt").startswith(f"bad.ckpt: {message}")
    assert main(["export", "bad.ckpt", "--float32"]) == 0


def test_weights_that_can_not_be_written(trained: Path, refusal: Callable[..., str]) -> None:
    Path("file").touch()
    line = refusal("export", str(trained / "last.ckpt"), "--out=file/w.safetensors")
    assert line.startswith("file/w.safetensors: can't be written (")


def test_nothing_to_validate_or_test(trained: Path, refusal: Callable[..., str]) -> None:
    write({})
    for name in ("validate", "test"):
        assert refusal(name, "--config=my.yaml") == (
            "my.yaml: no exported weights yet (my-1.safetensors); give --ckpt_path=last, the path "
            "of a checkpoint, or --weights=FILE"
        )
        both = [f"--ckpt_path={trained}/last.ckpt", f"--weights={trained}/weights.safetensors"]
        line = refusal(name, "--config=my.yaml", *both)
        assert line == "--weights and --ckpt_path: give one of them"
    given = ["--config=my.yaml", f"--ckpt_path={trained}/last.ckpt"]
    assert refusal("test", *given) == (
        "ImageFolder has no images for test: give --data.test_path, or use another data set, such "
        "as --data=lic_models.data.Kodak"
    )
    line = refusal("validate", *given, "--data.validation_share=0")
    assert line.startswith("ImageFolder has no images for validation; ")


# Images


def test_a_broken_image_is_named_with_the_choice_to_go_on(
    refusal: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    write({})
    Path("photos/3.png").write_bytes(Path("photos/3.png").read_bytes()[:200])
    line = refusal("fit", "--config=my.yaml")
    assert line.startswith("photos/3.png: not a readable image")
    assert line.endswith(", or go on without it: --data.on_broken=skip")
    (option,) = (word for word in line.split() if word.startswith("--"))
    assert main(["fit", "--config=my.yaml", option]) == 0
    err = capsys.readouterr().err
    assert err.startswith("warning: left out: photos/3.png: not a readable image")
    assert len(err.splitlines()) == 1


# Messages of jsonargparse


def test_a_message_that_is_not_understood_is_kept_but_shortened() -> None:
    assert explain("something\n  new") == Problem("", "something new")
    assert len(explain("x" * 1000).what) == 200
