"""λ of narrower widths falls while the slope to the next wider one does."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lic_models.storage.checkpoint import describe_checkpoint
from lic_models.training.lambda_scheduling import LambdaScheduling, Point, Schedule
from pytest_lic.errors import UsageError
from tests.helpers.tiny_run import LAST, TINY, fit, write

START = [0.01, 0.01, 0.01]
FULL_RATES = [0.5, 0.7, 1.0]
SATURATED = [24.0, 26.0, 30.0]


def points_of(lambdas: list[float]) -> list[Point]:
    """A made-up codec: each width's curve bends at its own rate, and λ moves along it.

    Above its bend a width gains little, so that with one λ for all the narrow ones lie beyond it.
    """
    points = []
    for lmbda, rate, quality in zip(lambdas, FULL_RATES, SATURATED, strict=True):
        bpp = rate * (lmbda / 0.01) ** 0.5
        points.append(Point(bpp, quality - 2.0 * (0.6 * rate / bpp) ** 3))
    return points


def run(schedule: Schedule, lambdas: list[float]) -> list[list[float]]:
    history = [lambdas]
    while not schedule.done:
        lambdas = schedule.moved(lambdas, points_of(lambdas))
        history.append(lambdas)
        assert len(history) < 50
    return history


def slope(narrow: Point, wide: Point) -> float:
    return (wide.psnr - narrow.psnr) / (wide.bpp - narrow.bpp)


def test_the_widest_keeps_its_lambda_and_the_others_end_in_order() -> None:
    *_, last = run(Schedule(), START)
    assert last[2] == START[2]
    assert last[0] < last[1] < last[2]


def test_each_move_is_by_the_factor_and_takes_all_narrower_widths_along() -> None:
    history = run(Schedule(factor=0.9), START)
    changed = [[round(b / a, 6) for a, b in zip(*pair, strict=True)] for pair in pairwise(history)]
    assert set(map(tuple, changed[:-1])) == {(0.9, 0.9, 1.0), (0.9, 1.0, 1.0)}
    assert changed[-1] == [1.0, 1.0, 1.0]  # the last look found nothing to move
    first_pair = changed.count([0.9, 0.9, 1.0])
    assert changed[:first_pair] == [[0.9, 0.9, 1.0]] * first_pair


def test_a_pairs_turn_ends_when_its_slope_rises() -> None:
    schedule = Schedule(tries=50)
    slopes, lambdas = [], START
    while True:
        points = points_of(lambdas)
        slopes.append(slope(points[1], points[2]))
        lambdas = schedule.moved(lambdas, points)
        if schedule.place != 1:
            break
    assert slopes[-1] > slopes[-2]
    assert slopes[:-1] == sorted(slopes[:-1], reverse=True)
    assert len(slopes) > 2


def test_a_slope_that_falls_for_ever_gets_so_many_tries() -> None:
    schedule, lambdas = Schedule(tries=3), [0.01, 0.01]
    for number in range(9):
        lambdas = schedule.moved(lambdas, [Point(0.5, 20.0), Point(1.0, 30.0 - number)])
    assert schedule.done
    assert lambdas == pytest.approx([0.01 * 0.8**3, 0.01])


def test_a_wider_width_that_costs_no_more_bits_has_a_slope_without_end() -> None:
    schedule = Schedule()
    wasted = [Point(1.0, 25.0), Point(0.9, 30.0)]
    lambdas = schedule.moved([0.01, 0.01], wasted)
    assert schedule.slope == math.inf
    lambdas = schedule.moved(lambdas, wasted)
    assert lambdas == pytest.approx([0.01 * 0.8**2, 0.01])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"every": 0}, "every: 0; expected at least 1"),
        ({"images": 0}, "images: 0; expected"),
        ({"first_step": -1}, "first_step: -1"),
        ({"factor": 1.0}, "factor: 1; expected more than 0 and less than 1"),
    ],
)
def test_values_outside_their_range_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        LambdaScheduling(**{"first_step": 1, "every": 1, **arguments})


SLIM: dict[str, Any] = {
    "model.transform": {
        "class_path": "lic_models.components.SlimmableTransform",
        "init_args": {"widths": [[2, 4], [4, 8]], "kernel_sizes": [3, 3, 3, 3]},
    },
    "model.entropy_model": {
        "class_path": "lic_models.components.SlimmableEntropyModel",
        "init_args": {"latent_channels": [4, 8]},
    },
    "model.rate_control": {
        "class_path": "lic_models.components.SlimmableWidths",
        "init_args": {"lambdas": [0.0067, 0.0067]},
    },
    "model.quantizer": "lic_models.components.NoiseQuantizer",
    "model.start": "principal-components",
    "trainer.limit_val_batches": 0,
    "trainer.max_steps": 12,
    "trainer.callbacks": [
        {
            "class_path": "lic_models.training.lambda_scheduling.LambdaScheduling",
            "init_args": {"first_step": 2, "every": 2, "tries": 2, "images": 2},
        }
    ],
}


@pytest.mark.usefixtures("tiny_folder")
class TestARun:
    def test_lambdas_before_and_after_and_each_move_are_in_the_checkpoint(self) -> None:
        write("tiny.yaml", TINY, SLIM)
        assert fit() == 0
        training = describe_checkpoint(LAST)["training"]
        assert training["lambdas_before"] == [0.0067, 0.0067]
        narrow, wide = training["lambdas"]
        assert wide == 0.0067
        assert narrow in (pytest.approx(0.0067 * 0.8), pytest.approx(0.0067 * 0.64))
        moves = training["lambda_moves"]
        assert moves[0]["step"] == 2
        assert moves[-1]["lambdas"] == pytest.approx([narrow, wide], abs=1e-7)
        assert len(moves[0]["points"]) == 2

    def test_an_interrupted_run_goes_on_with_its_moves(self) -> None:
        write("tiny.yaml", TINY, SLIM)
        assert fit() == 0
        whole = describe_checkpoint(LAST)["training"]
        Path("runs").rename("whole")
        assert fit("--trainer.max_steps=5") == 0
        assert fit(f"--ckpt_path={LAST}") == 0
        resumed = describe_checkpoint(LAST)["training"]
        for key in ("lambdas", "lambdas_before", "lambda_moves", "steps"):
            assert resumed[key] == whole[key]

    def test_a_codec_of_one_width_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        write("tiny.yaml", TINY, {"trainer.callbacks": SLIM["trainer.callbacks"]})
        assert fit() == 2
        assert (
            "LambdaScheduling moves the λ of SlimmableWidths; model.rate_control is No"
            in capsys.readouterr().err
        )
