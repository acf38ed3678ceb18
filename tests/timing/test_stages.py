"""A codec's time, part by part: by hooks on its modules that leave nothing behind."""

from __future__ import annotations

import time

import pytest
import torch
from compressai.models import FactorizedPrior, MeanScaleHyperprior, ScaleHyperprior
from torch import nn

from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.codec import SupportsStages
from pytest_lic.timing.clock import Clock, Device
from pytest_lic.timing.stages import REST, take_stages

CLOCK = Clock(Device())
IMAGES = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0))


class Pausing(nn.Module):
    """Takes a while for nothing; then calls the module within it, if there is one."""

    def __init__(self, seconds: float, within: nn.Module | None = None) -> None:
        super().__init__()
        self.seconds, self.within = seconds, within

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        return self.within(x) if self.within is not None else x


class Fake:
    """A clock that only moves when it is told to, and a device that needs no waiting for."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Ticking(nn.Module):
    """Moves the clock, before and after what it calls."""

    def __init__(self, fake: Fake, seconds: float, within: nn.Module | None = None) -> None:
        super().__init__()
        self.fake, self.seconds, self.within = fake, seconds, within

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.fake.now += self.seconds
        if self.within is not None:
            x = self.within(x)
            self.fake.now += self.seconds
        return x


def test_stages_and_the_rest_add_up_to_the_round() -> None:
    fake = Fake()
    parts = {"analysis": Ticking(fake, 3.0), "synthesis": Ticking(fake, 5.0)}

    def work() -> None:
        for part in (*parts.values(), *parts.values()):  # image by image
            part(IMAGES)
            fake.now += 0.5

    found = take_stages(parts, work, Clock(Device(), fake), 1)
    assert found.seconds == {"analysis": 6.0, "synthesis": 10.0, REST: 2.0}
    assert found.total == 18.0


def test_a_part_within_a_part_is_not_counted_twice() -> None:
    fake = Fake()
    inner = Ticking(fake, 4.0)
    outer = Ticking(fake, 1.0, within=inner)
    found = take_stages(
        {"outer": outer, "inner": inner}, lambda: outer(IMAGES), Clock(Device(), fake), 1
    )
    assert found.seconds == {"outer": 2.0, "inner": 4.0, REST: 0.0}


def test_the_round_of_the_median_total_is_told() -> None:
    fake = Fake()
    part = Ticking(fake, 0.0)
    spans = iter([9.0, 1.0, 3.0])

    def work() -> None:
        part.seconds = next(spans)
        part(IMAGES)

    found = take_stages({"analysis": part}, work, Clock(Device(), fake), 3)
    assert (found.seconds["analysis"], found.total, found.rounds) == (3.0, 3.0, 3)


def test_a_part_that_is_not_called_is_left_out() -> None:
    called, idle = Pausing(0.0), Pausing(0.0)
    found = take_stages({"called": called, "idle": idle}, lambda: called(IMAGES), CLOCK, 1)
    assert set(found.seconds) == {"called", REST}


def test_the_device_is_waited_for_on_either_side_of_a_part() -> None:
    class Counting(Device):
        def synchronise(self) -> None:
            waits.append("wait")

    waits: list[str] = []
    part = Pausing(0.0)
    take_stages({"analysis": part}, lambda: part(IMAGES), Clock(Counting()), 1)
    assert len(waits) == 4, "the round's start and end, the part's start and end"


def test_a_round_that_fails_leaves_no_hooks() -> None:
    part = Pausing(0.0)

    def work() -> None:
        part(IMAGES)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        take_stages({"analysis": part}, work, CLOCK, 1)
    assert not part._forward_hooks
    assert not part._forward_pre_hooks


@pytest.mark.parametrize("slow", ["g_a", "g_s"])
def test_a_slow_part_shows_in_its_stage(slow: str) -> None:
    def network() -> FactorizedPrior:
        built = FactorizedPrior(8, 12)
        setattr(built, slow, nn.Sequential(Pausing(0.1), getattr(built, slow)))
        return built

    codec = compressai_family("mine", network, ["1"]).build("1", "cpu")
    bitstreams = codec.encode(IMAGES)
    encode = take_stages(codec.stages(), lambda: codec.encode(IMAGES), CLOCK, 3).seconds
    decode = take_stages(codec.stages(), lambda: codec.decode(bitstreams), CLOCK, 3).seconds
    stage, slow_side, other = (
        ("analysis", encode, decode) if slow == "g_a" else ("synthesis", decode, encode)
    )
    assert slow_side[stage] >= 0.1
    assert slow_side[stage] > 0.5 * sum(slow_side.values())
    assert stage not in other


@pytest.mark.parametrize(
    ("kind", "encoding", "decoding"),
    [
        (FactorizedPrior, {"analysis"}, {"synthesis"}),
        (
            ScaleHyperprior,
            {"analysis", "hyper-analysis", "hyper-synthesis"},
            {"hyper-synthesis", "synthesis"},
        ),
        (
            MeanScaleHyperprior,
            {"analysis", "hyper-analysis", "hyper-synthesis"},
            {"hyper-synthesis", "synthesis"},
        ),
    ],
)
def test_networks_of_compressai_have_stages_without_being_told(
    kind: type, encoding: set[str], decoding: set[str]
) -> None:
    codec = compressai_family("mine", lambda: kind(8, 12), ["1"]).build("1", "cpu")
    assert isinstance(codec, SupportsStages)
    bitstreams = codec.encode(IMAGES)
    for work, stages in (
        (lambda: codec.encode(IMAGES), encoding),
        (lambda: codec.decode(bitstreams), decoding),
    ):
        found = take_stages(codec.stages(), work, CLOCK, 2)
        assert set(found.seconds) == {*stages, REST}
        assert min(found.seconds.values()) > 0
        assert sum(found.seconds.values()) == pytest.approx(found.total)


def test_latent_codecs_of_compressai_have_their_hyper_transforms_found() -> None:
    from compressai.models import Elic2022Chandelier

    codec = compressai_family("elic", lambda: Elic2022Chandelier(N=16, M=320), ["1"])
    assert set(codec.build("1", "cpu").stages()) == {
        "analysis",
        "hyper-analysis",
        "hyper-synthesis",
        "synthesis",
    }


def test_other_networks_say_where_their_stages_are() -> None:
    class Renamed(FactorizedPrior):
        def __init__(self) -> None:
            super().__init__(8, 12)
            self.pair = nn.ModuleDict({"down": self.g_a, "up": self.g_s})

    family = compressai_family(
        "mine", Renamed, ["1"], stages={"down": "pair.down", "up": "pair.up", "more": "nowhere"}
    )
    codec = family.build("1", "cpu")
    assert list(codec.stages()) == ["down", "up"]
    codec.encode(IMAGES)  # the first batch is also decoded, to find out whether that works
    found = take_stages(codec.stages(), lambda: codec.encode(IMAGES), CLOCK, 1)
    assert set(found.seconds) == {"down", REST}
