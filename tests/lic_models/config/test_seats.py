"""Tags of components: which seat each takes, and what its kind is called there."""

from __future__ import annotations

import pytest

from lic_models.config.codec_config import SHIPPED, read_codec_config
from lic_models.config.seats import component_tags, kind_tag, levels
from pytest_lic import CodecFamily
from pytest_lic.ablation.groups import make_groups
from pytest_lic.measuring.selection import Selection, matching_families

TRANSFORMS = (
    *("residual", "residual-attention", "swin", "window-attention", "tcm"),
    *("neighbourhood-attention", "octave", "generalised-octave"),
    *("deformable-residual", "lite-deformable"),
)


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
        "latent_coding": "quantised",
        "nonlinearity": "1dn",
        "rate_control": "none",
        "arithmetic": "float64",
    }


@pytest.mark.parametrize("kind", ["soft-to-hard", "entropy-constrained", "multi-codebook"])
def test_a_vector_quantised_codec_is_tagged_with_its_quantizer(kind: str) -> None:
    components = read_codec_config(SHIPPED / f"vq-{kind}.yaml").settings["model"]
    assert component_tags(components) == {
        "latent_coding": "vector-quantised",
        "vector_quantizer": kind,
        "coder": "ans",
        "transform": "convolutional",
        "nonlinearity": "gdn",
        "rate_control": "none",
    }


@pytest.mark.parametrize(
    ("arguments", "architecture"),
    [
        ({"latent_channels": [4, 8]}, "fp"),
        ({"entropy_model": "lic_models.components.MeanScaleHyperprior"}, "msh"),
        ({"entropy_model": {"class_path": "lic_models.components.JointEntropyModel"}}, "joint"),
    ],
)
def test_a_slimmable_entropy_model_is_tagged_as_what_each_width_has(
    arguments: dict[str, object], architecture: str
) -> None:
    of_width = {"class_path": "lic_models.components.SlimmableEntropyModel"}
    others = dict.fromkeys(("quantizer", "entropy_coder"), "lic_models.components.Some")
    components = {
        "transform": {"class_path": "lic_models.components.SlimmableTransform"},
        "entropy_model": {**of_width, "init_args": arguments},
        "rate_control": {"class_path": "lic_models.components.SlimmableWidths"},
        **others,
    }
    tags = component_tags(components)
    assert tags["architecture"] == architecture
    assert tags["transform"] == "slimmable"
    assert tags["rate_control"] == "slimmable-widths"


@pytest.mark.parametrize(
    ("name", "step"),
    [("qvrf", 1 / 1024), ("reconstruction-offsets", 1 / 1024), ("residual-layers", 1)],
)
def test_a_rate_control_is_tagged_as_its_shipped_config_is_named(name: str, step: float) -> None:
    components = read_codec_config(SHIPPED / f"msh-{name}.yaml").settings["model"]
    tags = component_tags(components)
    assert tags["rate_control"] == name
    assert tags["architecture"] == "msh"
    of_levels = levels(components)
    assert of_levels is not None
    assert of_levels.step == step


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_tagged_as_its_shipped_config_is_named(name: str) -> None:
    tags = component_tags(read_codec_config(SHIPPED / f"msh-{name}.yaml").settings["model"])
    plain = component_tags(read_codec_config(SHIPPED / "msh-gdn.yaml").settings["model"])
    assert tags.pop("transform") == name
    assert plain.pop("transform") == "convolutional"
    if name == "swin":  # whose blocks have a non-linearity of their own
        assert tags.pop("nonlinearity") == "fixed"
        del plain["nonlinearity"]
    assert tags == plain


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_selected_and_compared_by_its_tag(name: str) -> None:
    configs = ("msh-gdn", f"msh-{name}")
    plain, other = (
        CodecFamily(
            config,
            ["1"],
            lambda quality, device: None,  # type: ignore[arg-type]
            component_tags(read_codec_config(SHIPPED / f"{config}.yaml").settings["model"]),
        )
        for config in configs
    )
    chosen = Selection(components=(f"transform={name}",))
    assert matching_families([plain, other], chosen) == (other,)
    (group,), alone = make_groups([other, plain], ["transform"], "convolutional")
    assert group.families == (plain, other)
    assert alone == []


def test_integers_are_compared_with_floats_and_with_nothing_else() -> None:
    model = read_codec_config(SHIPPED / "msh-gdn.yaml").settings["model"]
    arguments = {**model["entropy_model"]["init_args"], "arithmetic": "integer"}
    whole = {**model, "entropy_model": {**model["entropy_model"], "init_args": arguments}}
    factorized = read_codec_config(SHIPPED / "fp-gdn.yaml").settings["model"]
    families = [
        CodecFamily(name, ["1"], lambda quality, device: None, component_tags(described))  # type: ignore[arg-type]
        for name, described in (("integer", whole), ("float", model), ("factorized", factorized))
    ]
    (group,), alone = make_groups(families, ["arithmetic"], None)
    assert [family.name for family in group.families] == ["float", "integer"]
    assert [family.name for family in alone] == ["factorized"]
    (group,), alone = make_groups(families, ["architecture"], None)
    assert {family.name for family in group.families} == {"float", "factorized"}
    assert [family.name for family in alone] == ["integer"]


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


@pytest.mark.parametrize(
    ("seat", "kind", "tag"),
    [
        ("quantizer", "StraightThroughQuantizer", "straight-through"),
        ("nonlinearity", "LeakyReLU", "leaky-relu"),
        ("nonlinearity", "GSDN", "gsdn"),
        ("transform", "TCMTransform", "tcm"),
        ("transform", "mine.two_steps.TwoStepTransform", "two-step"),
        ("transform", "mine.Transform", "transform"),
    ],
)
def test_a_kind_is_called_as_its_class_but_for_the_seat(seat: str, kind: str, tag: str) -> None:
    assert kind_tag(seat, kind) == tag
