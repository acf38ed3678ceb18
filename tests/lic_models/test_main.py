"""``python -m lic_models``: its help, and what its commands refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lic_models.__main__ import main
from tests.helpers.wrong_input import write

pytestmark = pytest.mark.usefixtures("photos_folder")


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
