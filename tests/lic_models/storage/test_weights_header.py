"""Headers of weights files: cut short or missing, and the tags of components."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.config.codec_config import SHIPPED, read_codec_config
from lic_models.storage.weights_header import component_tags, read_header
from pytest_lic.errors import WeightsError


def test_missing(shipped_weights: Path) -> None:
    shipped_weights.unlink()
    with pytest.raises(WeightsError, match=r"\.safetensors: can't be read"):
        read_header(shipped_weights)


@pytest.mark.parametrize("kept", [0, 5, 1000])
def test_a_header_cut_short(shipped_weights: Path, kept: int) -> None:
    shipped_weights.write_bytes(shipped_weights.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"\.safetensors: truncated, or no exported"):
        read_header(shipped_weights)


def test_weights_that_were_not_fetched(shipped_weights: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 48123\n"
    shipped_weights.write_text(pointer)
    with pytest.raises(WeightsError, match=r"a pointer of Git LFS.*: git lfs pull$"):
        read_header(shipped_weights)


def test_tags_name_every_component() -> None:
    components = {
        "transform": {
            "class_path": "mine.WideTransform",
            "init_args": {"nonlinearity": {"class_path": "lic_models.components.OneDN"}},
        },
        "quantizer": "lic_models.components.UniversalQuantizer",
        "entropy_model": {"class_path": "lic_models.components.ScaleHyperprior"},
        "entropy_coder": "lic_models.components.AnsCoder",
    }
    assert component_tags(components) == {
        "architecture": "sh",
        "transform": "wide",
        "quantizer": "universal",
        "coder": "ans",
        "nonlinearity": "1dn",
    }


@pytest.mark.parametrize(
    ("described", "architecture"),
    [
        ("lic_models.components.SlimmableEntropyModel", "fp"),
        ({"init_args": {"latent_channels": [4, 8]}}, "fp"),
        ({"init_args": {"entropy_model": "lic_models.components.MeanScaleHyperprior"}}, "msh"),
        ({"init_args": {"entropy_model": "lic_models.components.JointEntropyModel"}}, "joint"),
    ],
)
def test_a_slimmable_entropy_model_is_tagged_as_what_each_width_has(
    described: str | dict[str, object], architecture: str
) -> None:
    if isinstance(described, dict):
        described = {"class_path": "lic_models.components.SlimmableEntropyModel", **described}
    components = {
        "transform": {"class_path": "lic_models.components.SlimmableTransform"},
        "quantizer": "lic_models.components.NoiseQuantizer",
        "entropy_model": described,
        "entropy_coder": "lic_models.components.AnsCoder",
    }
    tags = component_tags(components)
    assert (tags["architecture"], tags["transform"]) == (architecture, "slimmable")


@pytest.mark.parametrize(
    "name",
    [
        "octave",
        "generalised-octave",
        "deformable-residual",
        "lite-deformable",
        "neighbourhood-attention",
        "residual",
        "residual-attention",
        "swin",
        "tcm",
        "window-attention",
    ],
)
def test_a_transform_is_tagged_as_its_shipped_config_is_named(name: str) -> None:
    tags = component_tags(read_codec_config(SHIPPED / f"msh-{name}.yaml").settings["model"])
    plain = component_tags(read_codec_config(SHIPPED / "msh-gdn.yaml").settings["model"])
    assert tags.pop("transform") == name
    assert plain.pop("transform") == "convolutional"
    assert tags == plain or name == "swin"  # whose blocks have a non-linearity of their own


@pytest.mark.parametrize(
    ("context", "tag"),
    [
        ("Channelwise", "channel-wise"),
        ("M2T", "m2t"),
        ("MT", "mt"),
        ("Entroformer", "entroformer"),
        ("EntroformerTwoPass", "entroformer-two-pass"),
    ],
)
def test_tags_name_the_seats_of_a_joint_model(context: str, tag: str) -> None:
    seats = {
        "side_information": None,
        "context": f"lic_models.components.{context}Context",
        "distribution": {"class_path": "lic_models.components.GaussianMixture"},
    }
    components = {
        "transform": {"class_path": "lic_models.components.ConvolutionalTransform"},
        "quantizer": "lic_models.components.NoiseQuantizer",
        "entropy_model": {
            "class_path": "lic_models.components.JointEntropyModel",
            "init_args": seats,
        },
        "entropy_coder": "lic_models.components.AnsCoder",
    }
    tags = component_tags(components)
    assert tags["architecture"] == "joint"
    assert tags["side_information"] == "mean-scale"
    assert tags["context"] == tag
    assert tags["distribution"] == "gaussian-mixture"


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("NoInformation", "none"),
        ("ScaleInformation", "scale"),
        ("CoarseToFineInformation", "coarse-to-fine"),
        ("GlobalTokensInformation", "global-tokens"),
    ],
)
def test_tags_name_side_information(kind: str, tag: str) -> None:
    joint = {
        "class_path": "lic_models.components.JointEntropyModel",
        "init_args": {"side_information": f"lic_models.components.{kind}"},
    }
    others = dict.fromkeys(("quantizer", "entropy_coder"), "lic_models.components.Some")
    transform = {"class_path": "lic_models.components.ConvolutionalTransform"}
    components = {"transform": transform, "entropy_model": joint, **others}
    assert component_tags(components)["side_information"] == tag
