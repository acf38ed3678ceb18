"""Whatever a network holds is in its digest, or there is none: never an old one for new weights."""

from __future__ import annotations

import enum
import functools
import subprocess
import sys
import threading
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pytest_lic.adapters.network.held_state import state_digest


def holding(value: Any) -> nn.Module:
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    nn.init.ones_(network[0].weight)
    nn.init.zeros_(network[0].bias)
    network[0].held = value
    return network


def int8_linear(bias: float) -> nn.Module:
    linear = nn.Linear(2, 2)
    nn.init.eye_(linear.weight)
    nn.init.constant_(linear.bias, bias)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that eager quantisation is to be removed
        return torch.ao.quantization.quantize_dynamic(
            nn.Sequential(linear), {nn.Linear}, dtype=torch.qint8
        )


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that scripting is to be removed
        return torch.jit.trace(nn.Hardtanh(), torch.zeros(1))


def quantized(scale: float) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.tensor([1, 2]) * scale, scale, 0, torch.qint8)


def attributed(value: float) -> torch.Tensor:
    tensor = torch.ones(2)
    tensor.scale = value  # type: ignore[attr-defined]
    return tensor


def scaled_by(value: float) -> Callable[[float], float]:
    return lambda x: x * value


def hooked(value: float) -> nn.Module:
    network = holding(None)
    network[0].register_forward_hook(lambda module, args, result: result + value)
    return network


class Plain:
    def __init__(self, value: Any) -> None:
        self._value = value


class Slots:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class Frozen:
    value: Any


class Numbers(list[float]):
    pass


class Mode(enum.Enum):
    FIRST = 0.4
    SECOND = 0.9


HOLDERS: dict[str, Callable[[float], Any]] = {
    "int8 weights that torch packs": int8_linear,
    "a forward hook": hooked,
    "a private number": lambda v: Plain(v),
    "slots": Slots,
    "a frozen dataclass": Frozen,
    "a subclass of list": lambda v: Numbers([v]),
    "a member of an enumeration": Mode,
    "an array": lambda v: np.array([v]),
    "a scalar of numpy": np.float32,
    "a tensor in a list": lambda v: [torch.tensor(v)],
    "a tensor in a dictionary": lambda v: OrderedDict(table=torch.tensor(v)),
    "a set": lambda v: {v, 1, "two"},
    "bytes": lambda v: str(v).encode(),
    "a quantised tensor": quantized,
    "a sparse tensor": lambda v: torch.tensor([[0, v]]).to_sparse(),
    "an attribute of a tensor": attributed,
    "a network out of the registers": lambda v: (int8_linear(v),),
    "a closure": scaled_by,
    "a partial function": lambda v: functools.partial(round, v),
    "a method of an object": lambda v: Plain(v).__init__,
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_a_change_of_what_is_held_is_seen(kind: str) -> None:
    def digest(value: float) -> str | None:
        made = HOLDERS[kind](value)
        return state_digest(made if isinstance(made, nn.Module) else holding(made))

    assert digest(0.4) is not None
    assert digest(0.4) == digest(0.4)
    assert digest(0.4) != digest(0.9)


def test_a_buffer_that_is_not_saved_counts() -> None:
    network = nn.Module()
    network.register_buffer("seen", torch.zeros(2), persistent=False)
    before = state_digest(network)
    network.seen[0] = 1  # type: ignore[index]
    assert before != state_digest(network)


@pytest.mark.parametrize(
    "unreadable",
    [threading.Lock(), weakref.ref(Plain), (x for x in "a"), scripted()],
    ids=["lock", "weak reference", "generator", "traced module"],
)
def test_what_cannot_be_read_leaves_no_digest(unreadable: object) -> None:
    assert state_digest(holding([unreadable])) is None


def test_coders_that_hold_nothing_between_calls_are_no_obstacle() -> None:
    from compressai.models import FactorizedPrior

    torch.manual_seed(0)
    network = FactorizedPrior(8, 8)
    first = state_digest(network)
    assert first is not None
    network.entropy_bottleneck.entropy_coder._precision = 12
    assert state_digest(network) != first


def test_networks_that_hold_themselves_have_an_end() -> None:
    network = holding(None)
    network[0].held = {"parent": (network, [])}
    assert state_digest(network) is not None


def test_neither_memory_format_nor_shared_objects_by_chance_count() -> None:
    network = holding([(1, "a"), (1, "a")])
    same = (1, "a")
    other = holding([same, same]).to(memory_format=torch.channels_last)
    assert state_digest(network) == state_digest(other)


def test_it_is_the_same_in_another_process() -> None:
    program = (
        "import tests.adapters.network.test_held_state as t\nprint(t.state_digest(t.everything()))"
    )
    here = state_digest(everything())
    assert here is not None
    for _ in range(2):
        there = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert there.stdout.split() == [here]


def everything() -> nn.Module:
    made = [make(0.4) for make in HOLDERS.values()]
    modules = [item if isinstance(item, nn.Module) else holding(item) for item in made]
    return nn.ModuleList(modules)
