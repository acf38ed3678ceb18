"""``thumbnail``: what it writes, what stays as it was, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lic_models.__main__ import main
from lic_models.config.builder import build_codec
from lic_models.families import learned_family
from lic_models.storage.weights_file import copy_parameters, read_json_header, write_tensors
from lic_models.storage.weights_header import read_header
from pytest_lic.errors import WeightsError
from tests.helpers.grouped_codec import grouped_codec, write_grouped
from tests.helpers.weights import built

pytestmark = pytest.mark.usefixtures("photos_folder", "one_thread")

OPTIONS = ("--data=photos", "--crop-size=16", "--steps=3")


def own_tensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def test_weights_get_a_thumbnail_synthesis_and_stay_as_they_were(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_grouped(Path("w.safetensors"))
    before, header = own_tensors(path), read_json_header(path)
    assert main(["thumbnail", str(path), *OPTIONS]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(
        "w.safetensors: grouped quality 1, thumbnails of 2 of 3 groups (5 channels), "
    )
    assert err == ""
    after = own_tensors(path)
    added = {key for key in after if key.startswith("thumbnail.")}
    assert after.keys() == before.keys() | added
    assert all(
        torch.equal(after[key], value) and after[key].dtype == value.dtype
        for key, value in before.items()
    )
    told = read_json_header(path)
    stated = told.pop("thumbnail")
    assert told == header
    assert isinstance(stated, dict)
    assert (stated["groups"], stated["channels"], stated["training"]["steps"]) == (2, 32, 3)
    codec = built(path)
    assert codec.thumbnail is not None
    assert not codec.thumbnail.training


def test_old_streams_decode_to_the_same_but_carry_another_stamp() -> None:
    path = write_grouped(Path("w.safetensors"))
    images = torch.rand((1, 3, 32, 48), generator=torch.Generator().manual_seed(0))
    old, family = built(path), learned_family([read_header(path)])
    coded = old.compress(images)
    before = family.fingerprint("1")
    assert main(["thumbnail", str(path), *OPTIONS]) == 0
    assert built(path).compress(images) == coded
    assert torch.equal(built(path).decompress(**coded)["x_hat"], old.decompress(**coded)["x_hat"])
    assert learned_family([read_header(path)]).fingerprint("1") != before


def test_the_same_command_writes_the_same_bytes_also_over_its_own() -> None:
    path = write_grouped(Path("w.safetensors"))
    assert main(["thumbnail", str(path), *OPTIONS, "--out=new.safetensors"]) == 0
    assert built(path).thumbnail is None
    for _ in range(2):
        assert main(["thumbnail", str(path), *OPTIONS]) == 0
        assert path.read_bytes() == Path("new.safetensors").read_bytes()
    assert main(["thumbnail", str(path), *OPTIONS, "--groups=1"]) == 0
    thumbnail = built(path).thumbnail
    assert (thumbnail.groups, thumbnail.latent_channels) == (1, 2)


def test_weights_that_name_another_files_transform_keep_naming_it(
    refusal: Callable[..., str],
) -> None:
    write_grouped(Path("whole.safetensors"))
    path = write_grouped(Path("w.safetensors"), transform_of=Path("whole.safetensors"))
    named = read_json_header(path)["transform_of"]
    assert main(["thumbnail", str(path), *OPTIONS]) == 0
    assert read_json_header(path)["transform_of"] == named
    assert not any(key.startswith("transform.") for key in own_tensors(path))
    assert built(path).thumbnail is not None
    Path("apart").mkdir()
    line = refusal("thumbnail", str(path), *OPTIONS, "--out=apart/w.safetensors")
    assert "has the transform of whole.safetensors, which is neither beside it nor" in line


def test_training_of_the_codec_goes_on_without_it() -> None:
    path = write_grouped(Path("w.safetensors"))
    assert main(["thumbnail", str(path), *OPTIONS]) == 0
    codec = build_codec(read_header(path).components, "test")
    copy_parameters(codec, path)
    assert codec.thumbnail is None
    expected = grouped_codec().state_dict()
    torch.testing.assert_close(codec.state_dict(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("context", ["CheckerboardContext", "NoContext"])
def test_a_context_without_groups(context: str, refusal: Callable[..., str]) -> None:
    path = write_grouped(Path("w.safetensors"), context)
    line = refusal("thumbnail", str(path), *OPTIONS)
    assert line == (
        "w.safetensors: thumbnail: all channels are decoded together; expected a context in "
        "groups of channels, such as UnevenGroupsContext or ChannelwiseContext"
    )


def test_options_out_of_range(refusal: Callable[..., str]) -> None:
    path = str(write_grouped(Path("w.safetensors")))
    for option, told in (
        ("--groups=4", "w.safetensors: thumbnail: 4 groups; expected 1 to 3, which the context"),
        ("--groups=0", "--groups 0: expected at least 1"),
        ("--steps=0", "--steps 0: expected at least 1"),
        ("--crop-size=24", "--crop-size 24: expected a multiple of 16"),
        ("--crop-size=0", "--crop-size 0: expected a multiple of 16"),
    ):
        assert refusal("thumbnail", path, *OPTIONS, option).startswith(told)


def test_no_images(refusal: Callable[..., str]) -> None:
    path = str(write_grouped(Path("w.safetensors")))
    Path("empty").mkdir()
    assert refusal("thumbnail", path, "--data=nowhere") == (
        "--data nowhere: no such folder; expected one of images"
    )
    assert refusal("thumbnail", path, "--data=empty").startswith("--data empty: no image in it")
    assert refusal("thumbnail", path, "--data=photos") == (
        "--data photos: no image with 256 pixels on both sides; give larger ones, or a smaller "
        "--crop-size"
    )


def test_weights_whose_header_says_nonsense_of_it() -> None:
    path = write_grouped(Path("w.safetensors"))
    tensors, header = own_tensors(path), read_json_header(path)
    for stated, told in (
        ("yes", "thumbnail is 'yes'; expected numbers of groups and channels"),
        ({"groups": 2}, "expected numbers of groups and channels"),
        ({"groups": 7, "channels": 4}, "7 groups; expected 1 to 3"),
        (
            {"groups": 2, "channels": 4},
            r"thumbnail\.correction\.0\.bias is missing, expected \(4,\)",
        ),
    ):
        write_tensors(tensors, path, {**header, "thumbnail": stated})
        with pytest.raises(WeightsError, match=told):
            built(path)


def test_help_says_that_old_bitstreams_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["thumbnail", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "--groups N" in out
    assert "those that were written before are refused afterwards" in out
