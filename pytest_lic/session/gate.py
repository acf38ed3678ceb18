"""The fixture ``lic``: the checks that a test can make of one cell or curve.

The suites hold one line per claim; each check, and the words of its failure, stands in a module of
its own. What it found out travels as records with the test's report to the controller, which alone
prints and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_lic.baselines.comparison import Comparison
from pytest_lic.baselines.tolerances import parse_tolerances
from pytest_lic.checks import company, determinism, progressive
from pytest_lic.checks.flat_images import check_flat_images
from pytest_lic.checks.growth import growth
from pytest_lic.checks.odd_sides import check_odd_sides
from pytest_lic.checks.plausible_length import check_plausible_length
from pytest_lic.codec import SupportsPasses, SupportsRemarks
from pytest_lic.images.corpus import EDGE
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.target_rates import missed
from pytest_lic.results.records import ConformanceRecord, EnvironmentsRecord, Record, UntimedRecord
from pytest_lic.results.results import ProgressiveResult
from pytest_lic.results.shard_facts import LEFT
from pytest_lic.run.run import Run
from pytest_lic.session.availability import available
from pytest_lic.session.conformance_gate import decode_old_bitstreams
from pytest_lic.session.costs_gate import (
    complexity_of_cell,
    memory_of_cell,
    skip_if_not_applicable,
    without_complexity,
    without_memory,
)
from pytest_lic.session.environments_gate import check_agreement
from pytest_lic.session.hostile_gate import decode_damaged
from pytest_lic.session.milestone_gate import MilestoneGate
from pytest_lic.session.rate_gate import RateGate
from pytest_lic.session.recorder import Recorder
from pytest_lic.session.rerun_command import rerun_command
from pytest_lic.session.time_gate import check_times_can_be_taken, take_times

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from pytest_lic.timing.benchmarking import Direction


class Gate:
    """The checks of one test, with the run behind them.

    Args:
        run: the state of the process's run.
        tolerances: what the test's ``lic_tolerance`` marker overrides, metric → value.
    """

    def __init__(self, run: Run, tolerances: Mapping[str, object]) -> None:
        options = run.setup.options
        self._run = run
        self._recorder = Recorder(options)
        of_marker = parse_tolerances(tolerances, "the lic_tolerance marker", options.tolerances)
        self._rate = RateGate(run, of_marker)
        self._milestone = MilestoneGate(run, self._recorder)

    @property
    def records(self) -> Sequence[Record]:
        """What the test has found out so far."""
        return self._recorder.records

    def point(self, cell: Cell) -> None:
        """Rate and quality hold against the baseline, in the mean and on each image."""
        with self._available(cell):
            stored = self._rate.measured(cell)
        command = self._command(cell)
        record = self._rate.point(cell, stored, command)
        self._recorder.remark(cell.id, missed(stored.measurement), expected=True)
        self._recorder.judge(record, command)
        self._rate.refuse_implausible(record, command)
        self._milestone.point(cell, stored.measurement)

    def curve(self, curve: Curve) -> None:
        """BD-rate against the stored curve is inside its tolerance; anchors are only reported."""
        part = self._run.setup.grid.part
        if part is not None and curve in part.left:
            pytest.skip(LEFT)
        with self._available(curve):
            measured = self._run.curves.measured(curve)
        result = self._rate.curve(curve, measured)
        self._recorder.judge(result, self._command(curve))
        self._milestone.curve(curve, measured)
        self._rate.skip_without_bd_rate(result)

    def round_trip(self, cell: Cell) -> None:
        """Every bitstream decodes to the right size, type and range, and as well at odd sides."""
        with self._available(cell), self._threads():
            codec, coded = self._run.codecs.codec(cell), self._run.codecs.coded(cell)
            determinism.check_in_step(codec, cell, coded)
            if cell.setting.corpus == EDGE:
                check_flat_images(coded)
            else:
                check_odd_sides(codec, cell, self._run.setup.corpus(cell))
            for text in codec.remarks() if isinstance(codec, SupportsRemarks) else ():
                self._recorder.remark(cell.id, text, expected=True)
        self._recorder.remark(cell.id, growth(coded))
        self._recorder.remark(cell.id, check_plausible_length(coded))

    def repeat(self, cell: Cell) -> None:
        """The same bits and the same pixels, twice in one process."""
        with self._available(cell), self._threads():
            determinism.check_repeat(
                self._run.codecs.codec(cell), cell, self._run.codecs.coded(cell)
            )

    def fresh_process(self, cell: Cell) -> None:
        """The same pixels, and the same bits, in a process that never saw the encoder."""
        with self._available(cell), self._threads():
            coded, fresh = self._run.codecs.coded(cell), self._run.processes.fresh(cell.family)
            threads = self._run.setup.options.threads
            remark = determinism.check_fresh_process(cell, coded, fresh, threads)
            self._recorder.remark(cell.id, remark)

    def other_threads(self, cell: Cell) -> None:
        """The same latents in a process with another number of threads."""
        with self._available(cell), self._threads():
            coded, fresh = self._run.codecs.coded(cell), self._run.processes.fresh(cell.family)
            threads = 2 if self._run.setup.options.threads == 1 else 1
            remark = determinism.check_threads(
                self._run.codecs.codec(cell), cell, coded, fresh, threads
            )
            # Floating point rounds as the threads share the work: --lic-strict is of one machine.
            self._recorder.remark(cell.id, remark, expected=True)

    def environments(self, cell: Cell) -> None:
        """What each simulated environment encodes, all of them decode alike."""
        with self._available(cell):
            record = EnvironmentsRecord(cell, self._run.processes.matrix(cell))
            self._recorder.add(record)
            check_agreement(record.matrix, self._run.setup.options.require)

    def batch(self, cell: Cell) -> None:
        """The bits of an image do not depend on the images beside it."""
        with self._available(cell), self._threads():
            codec, corpus = self._run.codecs.codec(cell), self._run.setup.corpus(cell)
            self._recorder.remark(cell.id, company.check_batch(codec, cell, corpus))

    def hostile_bitstreams(self, cell: Cell) -> None:
        """No damaged bitstream crashes the decoder, hangs it, or becomes an image of wrong size."""
        with self._available(cell):
            decode_damaged(cell, self._run.setup.options.hostile, self._run.processes.hostile())

    def old_bitstreams(self, cell: Cell) -> None:
        """Every bitstream that is kept of a quality decodes to the image that it decoded to."""
        command = self._command(cell, "conformance")
        with self._available(cell, partial(ConformanceRecord, cell)), self._threads():
            record = decode_old_bitstreams(cell, command, self._run)
        can_be_recorded = record.examined is None or record.examined.can_be_recorded
        self._recorder.judge(record, command, can_be_recorded=can_be_recorded)

    def parts_of_streams(self, cell: Cell) -> None:
        """The first bytes of every bitstream give a picture, and more of them no worse one."""
        with self._available(cell), self._threads():
            codec, coded = self._run.codecs.codec(cell), self._run.codecs.coded(cell)
            lengths = progressive.passes_of(codec, coded)
            if lengths is None or not isinstance(codec, SupportsPasses):
                pytest.skip("all of a latent is decoded at once: a part of a stream is no picture")
            parts = progressive.check_parts(codec, coded, lengths)
            passes = max(map(len, lengths))
        self._recorder.add(ProgressiveResult(cell.id, cell.family, cell.quality, passes, parts))

    def complexity(self, cell: Cell) -> None:
        """The encoder and the decoder compute no more than is recorded, stage by stage."""
        command = self._command(cell, "complexity")
        with self._available(cell, partial(without_complexity, cell)), self._threads():
            result = complexity_of_cell(cell, command, self._run)
        self._recorder.judge(result, command)
        skip_if_not_applicable(result)

    def memory(self, cell: Cell) -> None:
        """Encoding and decoding take no more memory than is recorded, and keep none of an image."""
        command = self._command(cell, "memory")
        with self._available(cell, partial(without_memory, cell)):
            result = memory_of_cell(cell, command, self._run)
        self._recorder.judge(result, command)

    def time_encoding(self, cell: Cell, benchmark: BenchmarkFixture) -> None:
        """The encoder's times, taken through pytest-benchmark's fixture."""
        self._time(cell, "encode", benchmark)

    def time_decoding(self, cell: Cell, benchmark: BenchmarkFixture) -> None:
        """The decoder's times."""
        self._time(cell, "decode", benchmark)

    def _time(self, cell: Cell, direction: Direction, benchmark: BenchmarkFixture) -> None:
        check_times_can_be_taken(cell, benchmark, self._run.setup.options.timing)
        with self._available(cell, partial(UntimedRecord, cell)), self._threads():
            record = take_times(cell, direction, benchmark, self._run)
        if record is not None:
            self._recorder.add(record)

    def _available(
        self, subject: Cell | Curve, record: Callable[[Comparison], Record] | None = None
    ) -> AbstractContextManager[None]:
        return available(subject, self._run.setup, self._recorder, record)

    def _threads(self) -> AbstractContextManager[None]:
        return coding.cpu_threads(self._run.setup.options.threads)

    def _command(self, subject: Cell | Curve, marker: str = "rd") -> str:
        setup = self._run.setup
        configs, corpora = setup.families.configs, setup.grid.corpora
        return rerun_command(subject, marker, configs, corpora, setup.options.words)
