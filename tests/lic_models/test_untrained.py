"""Untrained networks of the usual widths: they code, they are timed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lic_models.families import families
from lic_models.untrained import SPREAD
from pytest_lic.cli import main
from pytest_lic.codec import CodecFamily, SupportsLatents
from pytest_lic.container import payload_size
from pytest_lic.measuring.coding import cpu_threads

FAMILIES = {family.name: family for family in families() if not family.trained}


def test_every_non_linearity_of_both_architectures_in_both_widths() -> None:
    assert set(FAMILIES) == {
        f"{architecture}-{nonlinearity}-{width}"
        for architecture in ("fp", "msh")
        for nonlinearity in ("1dn", "gdn", "gsdn", "relu")
        for width in ("small", "large")
    }


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_tags_are_those_of_the_name(family: CodecFamily) -> None:
    architecture, nonlinearity, width = family.name.split("-")
    assert family.tags["weights"] == "untrained"
    assert (family.tags["architecture"], family.tags["width"]) == (architecture, width)
    assert family.tags["nonlinearity"] == nonlinearity


@pytest.mark.parametrize("name", ["fp-relu-small", "fp-gdn-small", "msh-gsdn-small"])
def test_real_bitstreams_come_out_and_decode(name: str) -> None:
    images = torch.rand((2, 3, 64, 96), generator=torch.Generator().manual_seed(3))
    with cpu_threads(1):
        codec = FAMILIES[name].build("0", "cpu")
        bitstreams = codec.encode(images)
        decoded = codec.decode(bitstreams)
        assert isinstance(codec, SupportsLatents)
        latents = torch.stack(codec.decode_latents(bitstreams))
    assert decoded.shape == images.shape
    assert bool(torch.isfinite(decoded).all())
    assert float(decoded.std()) > 0
    # The entropy coder has work: latents that spread, and about as many bits as those cost.
    assert float(latents.std()) == pytest.approx(SPREAD, rel=0.25)
    for bitstream in bitstreams:
        payload = payload_size(bitstream)
        assert payload is not None
        assert 1.0 < 8 * payload / (64 * 96) < 8.0


def test_the_widths_are_those_of_the_literature() -> None:
    for width, (channels, latent_channels) in {"small": (128, 192), "large": (192, 320)}.items():
        parts = FAMILIES[f"msh-relu-{width}"].build("0", "cpu").stages()  # type: ignore[attr-defined]
        first, last = parts["analysis"][0], parts["analysis"][-1]
        assert (first.out_channels, last.out_channels) == (channels, latent_channels)
        assert first.kernel_size == (5, 5)
        assert parts["hyper-analysis"][-1].out_channels == channels


def test_weights_are_the_same_each_time() -> None:
    images = torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(4))
    with cpu_threads(1):
        first, second = (
            FAMILIES["fp-relu-small"].build("0", "cpu").encode(images) for _ in range(2)
        )
    assert first == second


def test_the_list_of_codecs_says_that_they_are_untrained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "weights=untrained" in lines["fp-gdn-small"]
    assert "untrained" not in lines["fp-gdn"]


def test_an_ablation_compares_none_of_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -m timing\n")
    monkeypatch.chdir(tmp_path)
    assert main(["ablation", "--by", "nonlinearity", "--codec", "*-small"]) == 2
    assert "only untrained codecs are chosen (fp-1dn-small, " in capsys.readouterr().err
