"""The kinds that `lic_models` announces: all of its components, each in one seat."""

from __future__ import annotations

import pytest

from lic_models import components
from lic_models.config.seats import SEATS
from lic_models.families import families
from lic_models.kinds import kinds
from pytest_lic.component import ComponentKind

WITHOUT_SEAT = {"ThumbnailSynthesis"}  # which stands beside a codec, and is of one kind
WITHOUT_PAPER = {
    *("side_information=none", "context=none", "rate_control=none"),
    "latent_coding=quantised",
}
ANNOUNCED = list(kinds())


def unannounced() -> list[str]:
    """The exported classes that are listed in no seat, or in several."""
    paths = [kind.class_path for kind in kinds()]
    bases = {base for base, _ in SEATS.values()}
    return [
        name
        for name in components.__all__
        if name not in bases | WITHOUT_SEAT and paths.count(f"lic_models.components.{name}") != 1
    ]


def test_every_exported_class_is_listed_in_one_seat() -> None:
    assert unannounced() == []
    assert {kind.seat for kind in ANNOUNCED} == set(SEATS)
    assert len({kind.name for kind in ANNOUNCED}) == len(ANNOUNCED)


def test_a_new_class_of_no_seat_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slimming:
        """A part of no seat."""

    monkeypatch.setattr(components, "Slimming", Slimming, raising=False)
    monkeypatch.setattr(components, "__all__", [*components.__all__, "Slimming"])
    assert unannounced() == ["Slimming"]


def test_a_new_class_of_a_seat_is_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class ThinTransform(components.Transform):
        """Thin layers."""

    monkeypatch.setattr(components, "ThinTransform", ThinTransform, raising=False)
    monkeypatch.setattr(components, "__all__", [*components.__all__, "ThinTransform"])
    path = "lic_models.components.ThinTransform"
    assert ComponentKind("transform", "thin", "Thin layers.", class_path=path) in list(kinds())
    assert unannounced() == []


def test_each_tells_its_paper() -> None:
    told = {kind.name: (kind.paper, kind.url) for kind in ANNOUNCED}
    assert {name for name, (paper, url) in told.items() if not (paper and url)} == WITHOUT_PAPER
    assert told["transform=swin"] == ("Lu et al. 2022", "https://arxiv.org/abs/2111.06707")
    assert told["nonlinearity=relu"][0] == "Nair and Hinton 2010"
    assert told["coder=ans"][0] == "Duda 2013"


def test_every_tag_of_a_family_is_a_listed_kind() -> None:
    listed = {kind.name for kind in ANNOUNCED}
    tags = {f"{seat}={kind}" for each in families() for seat, kind in each.tags.items()}
    known = listed | {"nonlinearity=fixed"}  # which is no choice
    unlisted = {tag for tag in tags - known if tag.partition("=")[0] in SEATS}
    assert unlisted == set()
    assert {"transform=convolutional", "latent_coding=quantised", "coder=ans"} <= tags
