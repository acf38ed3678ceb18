"""Results, every text of which tries to be markup."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.baselines.comparison import Comparison, Verdict, compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.measuring.grid import Setting
from pytest_lic.results.results import (
    AnchorResult,
    CurveResult,
    FamilyFacts,
    PointResult,
    Results,
    TestResult,
    TimeResult,
)
from tests.helpers.made_results import RUN, crop
from tests.helpers.made_times import timings
from tests.helpers.measurements import image, measurement

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)"><!--'


def hostile() -> Results:
    """Results in which every text that comes from outside tries to be markup."""
    cells = {"one.png": image(), HOSTILE: image(psnr=20.0)}
    before = measurement({"one.png": image(), HOSTILE: image()}, family=HOSTILE, quality=HOSTILE)
    after = measurement(cells, family=HOSTILE, quality=HOSTILE)
    found = compare(after, before, DEFAULT_TOLERANCES)
    setting = Setting(HOSTILE)
    curve = CurveResult(
        Comparison(HOSTILE, Verdict.UNAVAILABLE, HOSTILE),
        HOSTILE,
        setting,
        (AnchorResult(HOSTILE, None, None, HOSTILE, ((0.1, 30.0, 0.9),)),),
    )
    return Results(
        replace(RUN, exit_status=1, command=(HOSTILE,), commit=HOSTILE, pytest_lic=HOSTILE),
        {HOSTILE: FamilyFacts({HOSTILE: 0.01}, {HOSTILE: HOSTILE})},
        (PointResult(replace(found, reason=HOSTILE), after, before),),
        (curve,),
        (TestResult(HOSTILE, "failed", (HOSTILE,), HOSTILE, HOSTILE),),
        (
            *timings(HOSTILE, device=HOSTILE, device_name=HOSTILE, stage=HOSTILE),
            TimeResult(HOSTILE, 0.1, 0.01, 5, {"stages": {"seconds": {HOSTILE: 0.05}}}),
        ),
        (HOSTILE,),
        (replace(crop(after.cell.id), image=HOSTILE),),
    )
