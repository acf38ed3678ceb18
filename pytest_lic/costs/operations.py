"""Multiply-accumulates of a piece of work, stage by stage, counted by torch as it does them.

`torch.utils.flop_counter` counts two operations for each: of convolutions, transposed ones and
GDN's among them, and of products of matrices, as attention makes them. What works element by
element, entropy coding, and what is done outside of torch or in another thread of Python's counts
for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

from pytest_lic.baselines.costs import REST, WHOLE
from pytest_lic.timing.stages import Watch

if TYPE_CHECKING:
    from torch import nn


def multiply_accumulates(
    work: Callable[[], object], parts: Mapping[str, nn.Module]
) -> dict[str, int]:
    """Stage → how many it takes; a part within another counts for itself alone.

    Parts that the work never calls are left out. What is done outside of all parts stands under
    `REST` where it is anything, and under `WHOLE` where there are no parts.

    Args:
        work: what is counted.
        parts: stage → the module that does it.
    """
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    # Its own tracker of modules breaks off in inference mode, where a layer is given a parameter.
    counter.mod_tracker = _Everything()

    def counted() -> int:
        return int(counter.get_total_flops()) // 2

    watch = Watch(counted)
    with counter, watch.on(parts):
        work()
    stages = {stage: int(watch.counted[stage]) for stage in parts if stage in watch.counted}
    rest = counted() - sum(stages.values())
    return stages | ({REST if stages else WHOLE: rest} if rest or not stages else {})


class _Everything(nullcontext[None]):
    """What the counter asks for the modules that run: all counts for one."""

    parents = frozenset({"Global"})
