"""The facts of a shard, and that they come back from a results file."""

from __future__ import annotations

from pytest_lic.measuring.grid import Curve, Setting
from pytest_lic.results.shard_facts import LeftCurve, ShardFacts
from pytest_lic.system.typed_json import plain, structured

LEFT = LeftCurve("toy", Setting("photos"), "pytest …")
FACTS = ShardFacts(3, 16, 12, 192, "plan", "baselines", {"bd": "psnr"}, (LEFT,))


def test_facts_have_names() -> None:
    assert FACTS.name == "3/16"
    assert LEFT.curve == Curve("toy", Setting("photos"))


def test_facts_come_back() -> None:
    assert structured(plain(FACTS), ShardFacts) == FACTS
