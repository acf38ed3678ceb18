"""The pace of training: learning rates of a run, and how long it is."""

from __future__ import annotations

import pytest
from lightning import Trainer

from lic_models.training.pace import Decay, learning_rate_of, planned_steps
from pytest_lic.errors import UsageError


@pytest.mark.parametrize(
    ("decay", "rates"),
    [
        ("linear", [0.25, 0.45, 0.6, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]),
        ("late", [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0]),
        ("constant", [0.25, 0.5, 0.75, 1, *[None] * 7]),
        ("plateau", [0.25, 0.5, 0.75, 1, *[None] * 7]),
    ],
)
def test_rates_rise_for_three_steps_and_fall_as_the_decay_says(
    decay: Decay, rates: list[float | None]
) -> None:
    found = [learning_rate_of(step, 10, decay, 3, 1.0) for step in range(11)]
    assert found == [None if rate is None else pytest.approx(rate) for rate in rates]


def test_a_run_without_end_is_refused_where_something_moves_over_it() -> None:
    endless = Trainer(max_steps=-1, max_epochs=-1, logger=False, enable_checkpointing=False)
    assert planned_steps(endless, "plateau", None) == float("inf")
    with pytest.raises(UsageError, match="quantizer: SoftToHardQuantizer needs to know"):
        planned_steps(endless, "plateau", "SoftToHardQuantizer")
    with pytest.raises(UsageError, match="decay: linear needs to know"):
        planned_steps(endless, "linear", None)
