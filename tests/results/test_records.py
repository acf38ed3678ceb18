"""What tests leave reaches the controller as it was, whatever process they ran in."""

from __future__ import annotations

import json
import math

import numpy as np

from pytest_lic.baselines.comparison import Comparison, Difference, Verdict
from pytest_lic.baselines.kept_streams import Kept, Stream
from pytest_lic.checks.conformance import Examined
from pytest_lic.checks.environment_matrix import EnvironmentMatrix, Pair
from pytest_lic.checks.old_stream import Broke, StreamFinding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.results.records import (
    ConformanceRecord,
    EnvironmentsRecord,
    ErrorRecord,
    PointRecord,
    Record,
    Remark,
    TimeRecord,
    UntimedRecord,
    from_builtins,
    of_kind,
    to_builtins,
)
from pytest_lic.results.results import AnchorResult, CurveResult, PointResult
from tests.helpers.measurements import HERE, image, measurement

CELL = Cell("toy", "1", Setting("photos"))
LOST = Difference("psnr", "one.png", math.inf, 40.0, math.inf, 0.05)
REGRESSED = Comparison(CELL.id, Verdict.REGRESSED, "", (LOST,))
UNAVAILABLE = Comparison(CELL.id, Verdict.UNAVAILABLE, "no weights")
LOSSLESS = measurement({"one.png": image(psnr=None)}, left_out=("two.png",))
STREAM = Stream(
    "1", "one", 2, 2, "o", 1, 3, "b", "r", None, 35.5, None, False, HERE, {"tables": "t"}
)
RECORDS: tuple[Record, ...] = (
    PointRecord(CELL, PointResult(REGRESSED, LOSSLESS, measurement()), coded=True, durable=False),
    PointRecord(CELL, PointResult(UNAVAILABLE)),
    CurveResult(
        Comparison("toy-photos-native-b1-cpu", Verdict.SAME, ""),
        "toy",
        Setting("photos", "256", 4, "cuda:1"),
        (
            AnchorResult("jpeg", 1.5, None, "too short", ((0.1, 30.0, None), (0.2, 33.0, 0.9))),
            AnchorResult("vtm", None, None, "other images"),
        ),
    ),
    EnvironmentsRecord(
        CELL,
        EnvironmentMatrix(
            CELL.id,
            2,
            ("here", "oldest"),
            {"cuda": "no GPU"},
            (Pair("here", "oldest", 1, 0, 1, "one.png: 3 pixels"),),
            ("one.png",),
        ),
    ),
    ConformanceRecord(CELL, UNAVAILABLE),
    TimeRecord("toy-q1-encode", 6, False, 0.25),
    UntimedRecord(CELL, UNAVAILABLE),
    ErrorRecord(CELL.id, "decoder crashed"),
    Remark(CELL.id, "not compared"),
)


def carried(*records: Record) -> tuple[Record, ...]:
    """As from a worker of pytest-xdist, or a log of reports."""
    return from_builtins(json.loads(json.dumps(to_builtins(records))))


def test_every_kind_of_record_travels_whole() -> None:
    assert carried(*RECORDS) == RECORDS


def test_a_bitstream_that_is_to_be_kept_travels_with_its_pixels() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    findings = (
        StreamFinding("one", Verdict.SAME),
        StreamFinding("two", Verdict.REGRESSED, Broke.TABLES, "tables changed"),
    )
    examined = Examined(findings, ("three",), (Kept.of(STREAM, b"\x00\xff!", pixels),))
    (record,) = of_kind(carried(ConformanceRecord(CELL, REGRESSED, examined)), ConformanceRecord)
    assert record.examined is not None
    assert record.examined.findings == findings
    assert record.examined.lacking == ("three",)
    (kept,) = record.examined.new
    assert (kept.stream, kept.bitstream) == (STREAM, b"\x00\xff!")
    assert kept.pixels.dtype == np.uint8
    assert np.array_equal(kept.pixels, pixels)


def test_a_lambda_that_is_a_whole_number_stays_one() -> None:
    """Or a baseline that workers record would be other bytes than one recorded alone."""
    point = PointRecord(CELL, PointResult(UNAVAILABLE, measurement(lmbda=1)))
    (same,) = of_kind(carried(point), PointRecord)
    assert same.result.measured is not None
    assert type(same.result.measured.lmbda) is int
