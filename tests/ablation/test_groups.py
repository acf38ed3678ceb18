"""Codecs that differ in one tag alone are compared, and nothing else is."""

from __future__ import annotations

import re

import pytest

from pytest_lic import CodecFamily
from pytest_lic.ablation.groups import Group, is_learned, make_groups
from pytest_lic.errors import UnknownNameError, UsageError


def family(name: str, **tags: str) -> CodecFamily:
    return CodecFamily(name, ["1"], lambda quality, device: None, tags)  # type: ignore[arg-type]


def zoo(*nonlinearities: str) -> list[CodecFamily]:
    """Two architectures, of which one has a prior of its own."""
    priors = {"fp": "factorized", "msh": "mean-scale"}
    return [
        family(f"{kind}-{each}", architecture=kind, prior=prior, nonlinearity=each)
        for kind, prior in priors.items()
        for each in nonlinearities
    ]


def names(group: Group[CodecFamily]) -> list[str]:
    return [family.name for family in group.families]


def test_each_architecture_is_a_group_with_gdn_first() -> None:
    groups, alone = make_groups(zoo("relu", "gdn", "1dn"), ["nonlinearity"], None)
    assert [names(group) for group in groups] == [
        ["fp-gdn", "fp-relu", "fp-1dn"],
        ["msh-gdn", "msh-relu", "msh-1dn"],
    ]
    assert groups[0].tags == {"architecture": "fp", "prior": "factorized"}
    assert all(group.reference is group.families[0] for group in groups)
    assert alone == []


def test_without_gdn_the_first_is_the_reference_and_any_can_be_asked_for() -> None:
    (first, _), _ = make_groups(zoo("relu", "1dn"), ["nonlinearity"], None)
    assert first.reference is not None
    assert first.reference.name == "fp-relu"
    (first, _), _ = make_groups(zoo("relu", "1dn"), ["nonlinearity"], "1dn")
    assert names(first) == ["fp-1dn", "fp-relu"]


def test_a_group_without_the_reference_asked_for_has_none() -> None:
    families = [*zoo("gdn", "relu"), family("x", architecture="x", nonlinearity="gdn")]
    families.append(family("y", architecture="x", nonlinearity="1dn"))
    groups, _ = make_groups(families, ["nonlinearity"], "relu")
    assert [group.reference is not None for group in groups] == [True, True, False]


def test_tags_that_change_together_are_named_together() -> None:
    with pytest.raises(UsageError) as caught:
        make_groups(zoo("gdn", "relu"), ["architecture"], None)
    assert str(caught.value) == (
        "--by architecture: nothing to compare: the nearest, fp-gdn and msh-gdn, differ in prior "
        "too; compare them all the same with --by architecture,prior"
    )
    groups, _ = make_groups(zoo("gdn", "relu"), ["architecture", "prior"], "msh")
    assert [names(group) for group in groups] == [["msh-gdn", "fp-gdn"], ["msh-relu", "fp-relu"]]
    groups, _ = make_groups(zoo("gdn"), ["architecture", "prior"], "msh/mean-scale")
    assert names(groups[0]) == ["msh-gdn", "fp-gdn"]


def test_a_tag_that_one_codec_lacks_is_not_suggested() -> None:
    families = [family("a", width="pico", prior="factorized"), family("b", width="small")]
    with pytest.raises(UsageError, match=r"the nearest, a and b, differ in prior too$"):
        make_groups(families, ["width"], None)


def test_a_codec_that_differs_in_more_is_alone() -> None:
    other = family("other", architecture="fp", prior="mean-scale", nonlinearity="relu")
    groups, alone = make_groups([*zoo("gdn", "relu"), other], ["nonlinearity"], None)
    assert len(groups) == 2
    assert alone == [other]


def test_classical_codecs_have_no_components() -> None:
    assert not is_learned(family("jpeg", architecture="jpeg", kind="classical"))
    assert is_learned(family("plain"))


@pytest.mark.parametrize(
    ("families", "by", "reference", "error", "expected"),
    [
        (
            zoo("gdn", "relu"),
            "nonlinearty",
            None,
            UnknownNameError,
            "--by: no component tag is named 'nonlinearty'; did you mean nonlinearity?",
        ),
        (
            zoo("gdn", "relu"),
            "nonlinearity",
            "gsdn",
            UnknownNameError,
            "--reference: no nonlinearity is named 'gsdn'; did you mean gdn?",
        ),
        (
            zoo("gdn"),
            "nonlinearity",
            None,
            UsageError,
            "--by nonlinearity: nothing to compare: every codec that is chosen has gdn; add "
            "another with --config, or widen --codec and --component",
        ),
        ([], "nonlinearity", None, UnknownNameError, "none is registered here"),
    ],
)
def test_what_can_not_be_compared_is_said(
    families: list[CodecFamily],
    by: str,
    reference: str | None,
    error: type[Exception],
    expected: str,
) -> None:
    with pytest.raises(error, match=re.escape(expected)):
        make_groups(families, [by], reference)


def transforms(nonlinearity: str, *kinds: str) -> list[CodecFamily]:
    return [
        family(
            f"{kind}-{nonlinearity}", architecture="msh", transform=kind, nonlinearity=nonlinearity
        )
        for kind in kinds
    ]


def blocks(name: str, architecture: str = "msh") -> CodecFamily:
    """Of a transform that has a non-linearity of its own."""
    return family(name, architecture=architecture, transform=name, nonlinearity="fixed")


def test_a_codec_that_has_a_tag_fixed_is_compared_with_any_choice_of_it() -> None:
    some = [*transforms("gdn", "plain", "tcm"), *transforms("relu", "plain")]
    groups, alone = make_groups([blocks("swin"), blocks("fp", "fp"), *some], ["transform"], None)
    assert [names(group) for group in groups] == [["plain-gdn", "tcm-gdn", "swin"]]
    assert groups[0].tags == {"architecture": "msh", "nonlinearity": "gdn"}
    assert {each.name for each in alone} == {"fp", "plain-relu"}


def test_where_nothing_else_is_compared_it_is_with_each() -> None:
    plain = [*transforms("gdn", "plain"), *transforms("relu", "plain")]
    groups, alone = make_groups([blocks("swin"), *plain], ["transform"], "plain")
    assert [names(group) for group in groups] == [["plain-gdn", "swin"], ["plain-relu", "swin"]]
    assert alone == []


def test_codecs_that_have_the_same_tag_fixed_are_compared_too() -> None:
    both = [blocks("swin"), blocks("window")]
    groups, _ = make_groups([*both, *transforms("gdn", "plain")], ["transform"], "plain")
    assert [names(group) for group in groups] == [["plain-gdn", "swin", "window"]]
    groups, _ = make_groups(both, ["transform"], None)
    assert [names(group) for group in groups] == [["swin", "window"]]


def test_a_codec_that_lacks_a_tag_has_it_not_fixed() -> None:
    swin = family("swin", architecture="msh", transform="swin")
    with pytest.raises(UsageError, match=r"the nearest, .* in nonlinearity too"):
        make_groups([swin, *transforms("gdn", "plain")], ["transform"], None)
