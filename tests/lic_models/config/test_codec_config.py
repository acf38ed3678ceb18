"""Files that describe no codec, and shipped ones by their name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lic_models import families
from lic_models.config.codec_config import SHIPPED, find_config, read_codec_config

pytestmark = pytest.mark.usefixtures("photos_folder")


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
        (
            "model: {}\ntrainer:\n  max_steps: 2\nmodel: {lmbda: 1}",
            "my.yaml: 'model' stands there twice, in lines 1 and 4, and one would be dropped; put",
        ),
        (
            'qualities:\n  1: {}\n  "1": {}',
            "my.yaml: '1' stands there twice, in lines 2 and 3, and ",
        ),
        ("model: {a: {b: 1,\n b: 2}}", "my.yaml: 'b' stands there twice, in lines 1 and 2, and "),
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


def test_a_shipped_config_goes_by_its_name_and_finds_its_weights() -> None:
    path = find_config("fp-gdn")
    assert path == SHIPPED / "fp-gdn.yaml"
    weights = read_codec_config(path).weights_path("1").resolve()
    assert weights == families.WEIGHTS.resolve() / "fp-gdn-1.safetensors"
    Path("fp-gdn").touch()
    assert find_config("fp-gdn") == Path("fp-gdn")
