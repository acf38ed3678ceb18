"""Skips a test whose codec or device can't be had here, or fails it if that is required."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.errors import LicError, UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.results.records import ErrorRecord, PointRecord, Record
from pytest_lic.results.results import CurveResult, PointResult
from pytest_lic.run.setup import Setup
from pytest_lic.session.recorder import GateError, Recorder


@contextmanager
def available(
    subject: Cell | Curve,
    setup: Setup,
    recorder: Recorder,
    record: Callable[[Comparison], Record] | None = None,
) -> Iterator[None]:
    """Skip, with the reason, what can't run here; name the subject in what fails.

    Args:
        subject: what the test is about.
        setup: knows what can run here, and what must (``--lic-require``).
        recorder: takes a record of what is not available, and of what broke.
        record: makes the record of the verdict that it is unavailable; that of a point or
            curve without numbers if it is not given.

    Raises:
        GateError: the codec broke, or is required and unavailable.
    """
    device = subject.setting.device
    try:
        reason = setup.unavailable(subject.family, device)
        if reason is not None:
            raise UnavailableError(reason)
        yield
    except UnavailableError as error:
        verdict = Comparison(subject.id, Verdict.UNAVAILABLE, str(error))
        recorder.add(record(verdict) if record else _unmeasured(subject, verdict))
        if {subject.family, device, device.split(":")[0]} & set(setup.options.require):
            raise GateError(f"{subject.id}: required, but {error}") from error
        pytest.skip(f"unavailable: {error}")
    except GateError:
        raise
    except LicError as error:
        text = str(error) if subject.id in str(error) else f"{subject.id}: {error}"
        recorder.add(ErrorRecord(subject.id, text))
        raise GateError(text) from error


def _unmeasured(subject: Cell | Curve, verdict: Comparison) -> Record:
    if isinstance(subject, Curve):
        return CurveResult(verdict, subject.family, subject.setting)
    return PointRecord(subject, PointResult(verdict))
