"""The table of rate control: bits at both ends, and whose weights it takes."""

from __future__ import annotations

import importlib
import re

import pytest

from pytest_lic.measuring.rate_distortion import RDCurve
from tests.helpers.benchmark_runs import run_main
from tests.helpers.weights import WEIGHTS

rate_control = importlib.import_module("rate_control")


def curve(*bpp: float, shift: float = 0.0) -> RDCurve:
    psnr = tuple(26.0 + 3.0 * step + shift for step in range(len(bpp)))
    return RDCurve("mine", bpp, psnr, (None,) * len(bpp), tuple("1234"[: len(bpp)]))


def test_bits_lost_at_the_ends_are_told_apart_from_the_mean() -> None:
    anchor = curve(0.1, 0.2, 0.4, 0.8)
    told = rate_control.against(anchor, curve(0.12, 0.2, 0.4, 1.0))
    assert told[1:] == ["+20.00 % at 26.0 dB", "+25.00 % at 35.0 dB"]
    (mean,) = re.findall(r"\+(\d+\.\d+) %", told[0])
    assert 0.0 < float(mean) < 20.0


def test_the_ends_are_those_that_both_reach() -> None:
    anchor = curve(0.1, 0.2, 0.4, 0.8)
    assert rate_control.against(anchor, curve(0.1, 0.2, 0.4, 0.8, shift=1.0))[1:] == [
        f"{100 * (2 ** (-1 / 3) - 1):+.2f} % at {psnr:.1f} dB" for psnr in (27.0, 35.0)
    ]


def test_of_a_curve_that_falls_there_is_no_number() -> None:
    anchor = curve(0.1, 0.2, 0.4, 0.8)
    told = rate_control.against(anchor, curve(0.2, 0.1, 0.4, 0.8))
    assert told[1:] == ["–", "–"]
    assert told[0]


def test_weights_of_one_rate_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = next(str(path) for path in WEIGHTS if path.stem == "msh-gdn-1")
    assert run_main(monkeypatch, rate_control, plain) == 2
    assert "msh-gdn has no rate control, so one rate" in capsys.readouterr().err
