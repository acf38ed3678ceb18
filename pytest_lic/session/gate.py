"""What a suite's test asks of one cell or curve, and what it leaves for the report.

The suites hold one line per claim; the words of a failure are made here. Records travel with the
test's report to the controller, which alone prints and writes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict, compare, compare_curves
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.baselines.tolerances import Tolerance, parse_tolerances
from pytest_lic.checks import conformance, determinism
from pytest_lic.checks.old_stream import Decoder
from pytest_lic.codec import Codec
from pytest_lic.errors import CodecError, LicError, Unavailable, UnavailableError
from pytest_lic.images.corpus import CONFORMANCE, RANDOM
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.rate_distortion import RDCurve, bd_psnr, bd_rate
from pytest_lic.measuring.timed_grid import TimingChoice
from pytest_lic.report.terminal.environments import broken_text
from pytest_lic.report.terminal.hostile import hostile_text
from pytest_lic.report.words import comparison_text
from pytest_lic.run.run import Run
from pytest_lic.system.environment import environment
from pytest_lic.system.simulated_environments import ENVIRONMENTS
from pytest_lic.system.typed_json import plain
from pytest_lic.timing import benchmarking
from pytest_lic.timing.batches import TimedBatch

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


class GateError(LicError):
    """A gate fired; the text names the culprit."""


class Gate:
    """The checks of one test, with the run behind them.

    Args:
        run: the state of the process's run.
        tolerances: what the test's ``lic_tolerance`` marker overrides, metric → value.
    """

    def __init__(self, run: Run, tolerances: Mapping[str, object]) -> None:
        self._run = run
        self._tolerances: Mapping[str, Tolerance] = parse_tolerances(
            tolerances, "the lic_tolerance marker", run.setup.options.tolerances
        )
        self.records: list[dict[str, Any]] = []

    def point(self, cell: Cell) -> None:
        """Rate and quality hold against the baseline, in the mean and on each image."""
        with self._available(cell):
            stored = self._run.measurements.of(cell)
            self._require_metrics(stored.measurement)
        measurement = stored.measurement
        setting = cell.setting
        key = BaselineKey(measurement.corpus_digest, setting.resolution, cell.quality)
        baseline = self._run.baselines.find(cell.family, key)
        options = self._run.setup.options
        if baseline is None and (options.update or options.update_missing):
            comparison = Comparison(cell.id, Verdict.NEW, "no baseline until now")
        elif baseline is None:
            command = f"{self._command(cell)} --lic-update-missing"
            comparison = Comparison(
                cell.id, Verdict.MISSING, f"no baseline; if it is right, record it: {command}"
            )
        else:
            comparison = compare(measurement, baseline, self._tolerances)
        self._record(
            "point",
            cell,
            comparison,
            measurement=plain(measurement),
            baseline=None if baseline is None else plain(baseline),
            measured=stored.measured,
            durable=self._run.measurements.fingerprint(cell) is not None,
        )
        if options.update:
            return
        self._judge(comparison, cell)

    def curve(self, curve: Curve) -> None:
        """BD-rate against the stored curve is inside its tolerance; anchors are only reported."""
        with self._available(curve):
            measured = self._run.curves.measured(curve)
        broken = measured.non_monotone()
        anchors = [self._against(name, measured, curve) for name in self._run.setup.options.anchors]
        if broken is not None:
            comparison = Comparison(curve.id, Verdict.UNAVAILABLE, broken)
        else:
            comparison = self._against_stored(measured, curve)
        self._record("curve", curve, comparison, anchors=anchors)
        if self._run.setup.options.update:
            return
        self._judge(comparison, curve)
        if comparison.verdict is Verdict.UNAVAILABLE:
            if "bd_rate" in self._run.setup.options.require:
                raise GateError(f"{curve.id}: bd_rate is required, but {comparison.reason}")
            pytest.skip(f"BD-rate unavailable: {comparison.reason}")

    def round_trip(self, cell: Cell) -> None:
        """Every bitstream decodes to the right size, type and range."""
        with self._available(cell):
            self._run.codecs.coded(cell)

    def repeat(self, cell: Cell) -> None:
        """The same bits and the same pixels, twice in one process."""
        with self._available(cell), self._threads():
            determinism.check_repeat(self._codec(cell), cell, self._run.codecs.coded(cell))

    def fresh_process(self, cell: Cell) -> None:
        """The same pixels in a process that never saw the encoder."""
        with self._available(cell), self._threads():
            coded = self._run.codecs.coded(cell)
            fresh = self._run.processes.fresh(cell.family)
            determinism.check_fresh_process(cell, coded, fresh, self._run.setup.options.threads)

    def other_threads(self, cell: Cell) -> None:
        """The same latents in a process with another number of threads."""
        threads = 2 if self._run.setup.options.threads == 1 else 1
        with self._available(cell), self._threads():
            coded = self._run.codecs.coded(cell)
            fresh = self._run.processes.fresh(cell.family)
            codec = self._codec(cell)
            self._remark(cell, determinism.check_threads(codec, cell, coded, fresh, threads))

    def environments(self, cell: Cell) -> None:
        """What each simulated environment encodes, all of them decode alike."""
        with self._available(cell):
            matrix = self._run.processes.matrix(cell)
            self.records.append(
                {
                    "kind": "environments",
                    "family": cell.family,
                    "subject": cell.id,
                    "matrix": matrix.to_json(),
                }
            )
            for name, reason in matrix.unavailable.items():
                device = ENVIRONMENTS[name].device
                if {name, device} & set(self._run.setup.options.require):
                    raise LicError(f"{name} is required, but unavailable: {reason}")
        if matrix.broken_images:
            raise GateError(broken_text(matrix))

    def batch(self, cell: Cell) -> None:
        """The bits of an image do not depend on the images beside it."""
        with self._available(cell), self._threads():
            codec, corpus = self._codec(cell), self._run.setup.corpus(cell)
            self._remark(cell, determinism.check_batch(codec, cell, corpus))

    def hostile_bitstreams(self, cell: Cell) -> None:
        """No damaged bitstream crashes the decoder, hangs it, or becomes an image of wrong size."""
        with self._available(cell):
            tally = self._run.processes.hostile().decode(
                cell.family,
                cell.quality,
                cell.setting.device,
                range(self._run.setup.options.hostile),
            )
            if tally.failures:
                raise CodecError(hostile_text(cell.family, cell.quality, tally))

    def old_bitstreams(self, cell: Cell) -> None:
        """Every bitstream that is kept of a quality decodes to the image that it decoded to."""
        with self._available(cell, "conformance"), self._threads():
            run, setup = self._run, self._run.setup
            decoder = Decoder(
                self._codec(cell),
                cell,
                setup.families[cell.family].format_version,
                environment(cell.setting.device, setup.options.threads),
            )
            keeping = conformance.Keeping(
                lacking=setup.options.update or setup.options.update_missing,
                broken=setup.options.update,
                commit=lambda: setup.commit,
            )
            examined = conformance.examine(
                decoder, run.kept.find(cell.family, cell.quality), setup.corpus(cell), keeping
            )
        comparison = conformance.compared(cell, examined, self._command(cell, "conformance"))
        self._record(
            "conformance",
            cell,
            comparison,
            findings=[finding.to_json() for finding in examined.findings],
            new=[plain(kept) for kept in examined.new],
        )
        if not self._run.setup.options.update:
            self._judge(comparison, cell)

    def time_encoding(self, cell: Cell, benchmark: BenchmarkFixture) -> None:
        """The encoder's times, taken through pytest-benchmark's fixture."""
        self._time(cell, "encode", benchmark)

    def time_decoding(self, cell: Cell, benchmark: BenchmarkFixture) -> None:
        """The decoder's times."""
        self._time(cell, "decode", benchmark)

    def _time(
        self, cell: Cell, direction: benchmarking.Direction, benchmark: BenchmarkFixture
    ) -> None:
        choice = self._run.setup.options.timing
        if benchmark.disabled and not (choice is not None and choice.run_once):
            raise GateError(
                f"{cell.id}: pytest-benchmark takes no times under pytest-xdist, where tests "
                "disturb each other; run -m timing without -n, or add --benchmark-disable to "
                "code once"
            )
        with self._available(cell, "time"), self._threads():
            run = self._run
            assert choice is not None
            codec, timed = self._codec(cell), run.codecs.timed_batch(cell)
            taken = benchmarking.take(
                codec,
                timed,
                cell,
                direction,
                benchmark,
                choice,
                lambda: self._timed_facts(cell, direction, timed, choice),
            )
        if taken is not None:
            self.records.append(
                {
                    "kind": "time",
                    "subject": benchmarking.benchmark_name(cell, direction),
                    "warm_up": taken.warm_up.rounds,
                    "settled": taken.warm_up.settled,
                    "spread": taken.spread,
                }
            )

    def _timed_facts(
        self,
        cell: Cell,
        direction: benchmarking.Direction,
        timed: TimedBatch,
        choice: TimingChoice,
    ) -> dict[str, object]:
        run = self._run
        of_random = cell.setting.corpus == RANDOM
        return benchmarking.circumstances(
            cell,
            direction,
            timed,
            run.setup.families[cell.family],
            None if of_random else run.setup.corpus(cell).digest,
            run.measurements.fingerprint(cell),
            run.setup.options.threads,
            choice.preset,
        )

    def _codec(self, cell: Cell) -> Codec:
        return self._run.codecs.codec(cell)

    def _threads(self) -> Any:
        return coding.cpu_threads(self._run.setup.options.threads)

    @contextmanager
    def _available(self, subject: Cell | Curve, kind: str | None = None) -> Iterator[None]:
        """Skip, with the reason, what can't run here; name the subject in what fails."""
        run = self._run
        device = subject.setting.device
        try:
            reason = run.setup.unavailable(subject.family, device)
            if reason is not None:
                raise UnavailableError(reason)
            yield
        except UnavailableError as error:
            comparison = Comparison(subject.id, Verdict.UNAVAILABLE, str(error))
            kind = kind or ("point" if isinstance(subject, Cell) else "curve")
            self._record(kind, subject, comparison)
            if {subject.family, device, device.split(":")[0]} & set(run.setup.options.require):
                raise GateError(f"{subject.id}: required, but {error}") from error
            pytest.skip(f"unavailable: {error}")
        except GateError:
            raise
        except LicError as error:
            text = str(error)
            if subject.id not in text:
                text = f"{subject.id}: {text}"
            comparison = Comparison(subject.id, Verdict.ERROR, text)
            self._record("error", subject, comparison)
            raise GateError(text) from error

    def _against_stored(self, measured: RDCurve, curve: Curve) -> Comparison:
        try:
            stored = self._run.curves.stored(curve)
        except UnavailableError as error:
            return Comparison(curve.id, Verdict.UNAVAILABLE, str(error))
        return compare_curves(
            curve.id, bd_rate(stored, measured), bd_psnr(stored, measured), self._tolerances
        )

    def _against(self, name: str, measured: RDCurve, curve: Curve) -> dict[str, Any]:
        """BD-rate and BD-PSNR against one anchor, or the reason why there is none."""
        try:
            anchor = self._run.curves.anchor(name, curve)
        except UnavailableError as error:
            reason = str(error)
            return {
                "anchor": name,
                "bd_rate": None,
                "bd_psnr": None,
                "reason": reason,
                "points": [],
            }
        rate, gain = bd_rate(anchor, measured).value, bd_psnr(anchor, measured).value
        reasons = [value.reason for value in (rate, gain) if isinstance(value, Unavailable)]
        return {
            "anchor": name,
            "bd_rate": None if isinstance(rate, Unavailable) else rate,
            "bd_psnr": None if isinstance(gain, Unavailable) else gain,
            "reason": next(iter(reasons), None),
            "points": list(zip(anchor.bpp, anchor.psnr, anchor.ms_ssim, strict=True)),
        }

    def _require_metrics(self, measurement: Measurement) -> None:
        reasons = measurement.unavailable()
        for metric in self._run.setup.options.require:
            if metric in reasons:
                raise LicError(f"{metric} is required, but unavailable: {reasons[metric]}")

    def _judge(self, comparison: Comparison, subject: Cell | Curve) -> None:
        if comparison.verdict.fails(strict=self._run.setup.options.strict):
            raise GateError(comparison_text(comparison, self._command(subject)))

    def _remark(self, cell: Cell, text: str | None) -> None:
        if text is None:
            return
        if self._run.setup.options.strict:
            raise GateError(f"{cell.id}: {text}")
        self.records.append({"kind": "remark", "subject": cell.id, "text": text})

    def _record(
        self, kind: str, subject: Cell | Curve, comparison: Comparison, **more: object
    ) -> None:
        self.records.append(
            {
                "kind": kind,
                "family": subject.family,
                "quality": subject.quality if isinstance(subject, Cell) else None,
                "setting": subject.setting.id,
                "place": asdict(subject.setting),
                "comparison": plain(comparison),
                **more,
            }
        )

    def _command(self, subject: Cell | Curve, marker: str = "rd") -> str:
        """The command line that runs this subject alone."""
        setting = subject.setting
        words = ["pytest", "--pyargs", "pytest_lic.suites", "-m", marker]
        if subject.family in self._run.setup.families.configs:
            words += ["--lic-config", self._run.setup.families.configs[subject.family]]
        words += ["--lic-codec", subject.family]
        if isinstance(subject, Cell):
            words += ["--lic-quality", subject.quality]
        if setting.corpus not in ("photos", CONFORMANCE):
            words += ["--lic-corpus", self._run.setup.grid.corpora[setting.corpus]]
        if setting.resolution != "native":
            words += ["--lic-resolution", setting.resolution]
        if setting.batch != 1:
            words += ["--lic-batch", str(setting.batch)]
        if setting.device != "cpu":
            words += ["--lic-device", setting.device]
        return shlex.join(words)
