"""pytest's hooks and fixtures; every decision is made elsewhere."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lic import hookspecs
from pytest_lic.errors import LicError, UsageError
from pytest_lic.project import asked_for
from pytest_lic.project.discovery import Origin, discover
from pytest_lic.project.options import read_options
from pytest_lic.project.pytest_options import add_options
from pytest_lic.project.under_test import FIXTURES, UnderTest, parametrize, under_test
from pytest_lic.run.run import Run, new_run
from pytest_lic.run.shared import Shared
from pytest_lic.session import collecting
from pytest_lic.session.controller import Controller
from pytest_lic.session.gate import Gate
from pytest_lic.session.opening_lines import opening_lines
from pytest_lic.session.reported import Reported
from pytest_lic.session.result_files import why_failed
from pytest_lic.system import process_end
from pytest_lic.system.watchdog import Limit, limited

if TYPE_CHECKING:
    from pytest_lic.session.scheduler import NetworkScheduling

pytest.register_assert_rewrite("pytest_lic.suites")
process_end.replace_exit()

MARKERS = (
    "roundtrip: every bitstream decodes to the right size, type and range",
    "determinism: the same image gives the same bits and pixels, here and elsewhere",
    "rd: rate and quality hold against the baselines",
    "conformance: bitstreams that are kept of older commits decode to the same images",
    "hostile: no damaged bitstream crashes a decoder, hangs it, or takes gigabytes",
    "progressive: the first bytes of a stream give a picture, and more of them no worse one",
    "complexity: coding takes no more operations and weights than are recorded, stage by stage",
    "memory: coding takes no more memory than is recorded, and keeps none; runs only where it is "
    "named",
    "timing: takes encoding and decoding times with pytest-benchmark; runs only where it is named",
    "properties: quantizers, entropy coders, context models and samplers keep what they promise, "
    "looked for with Hypothesis",
    "lic_promise(name, name=value): a property test of the subjects that promise this",
    "lic_tolerance(metric=number, ...): tolerances of one test, such as "
    "psnr={'mean': 0.02, 'image': 0.1}",
)

_shared = pytest.StashKey[Shared]()
_run = pytest.StashKey[Run]()
_under_test = pytest.StashKey[UnderTest]()
_controller = pytest.StashKey[Controller]()
_gate = pytest.StashKey[Gate]()
_untaken = pytest.StashKey[list[str]]()
_uncompared = pytest.StashKey[bool]()
_stderr = pytest.StashKey[int]()
_threads = pytest.StashKey[list[threading.Thread]]()
_owns_process = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ``--lic-*`` options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that projects may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; prepare to collect what the tests report."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    # Capturing has not begun: this is where a process that must be ended can still say why.
    config.stash[_stderr] = os.dup(2)
    if not _is_worker(config):
        config.stash[_threads] = threading.enumerate()
        config.stash[_owns_process] = process_end.begin()
        config.stash[_controller] = Controller()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End child processes and remove the run's store."""
    os.close(config.stash[_stderr])
    if _run in config.stash:
        config.stash[_run].close()
    if _shared in config.stash and not _is_worker(config):
        config.stash[_shared].remove()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give an xdist worker what all processes of the run share."""
    shared = _shared_of(node.config)
    node.workerinput["lic"] = {"origin": asdict(shared.origin), "store": str(shared.store)}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> NetworkScheduling | None:
    """Keep each network in one worker, unless the user chose a distribution of another kind."""
    if config.getoption("dist") not in ("load", "loadgroup") or not asked_for.wants_suites(config):
        return None
    from pytest_lic.session.scheduler import Layout, NetworkScheduling

    run = _run_of(config)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        for line in opening_lines(run.setup.grid, run.setup.options):
            reporter.write_line(line)
    grid = run.setup.grid
    networks = {cell.id: grid.network(cell) for cell in grid.every_cell}
    layout = Layout(networks, frozenset(curve.id for curve in grid.curves))
    return NetworkScheduling(config, layout, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Say at once, and once, what is wrong with the options, codecs, corpora or baselines."""
    if asked_for.wants_suites(session.config):
        try:
            _run_of(session.config)
            if asked_for.wants_properties(session.config):
                _under_test_of(session.config)
        except LicError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the suites under their own name."""
    return collecting.collect_directory(path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Spread tests over the grid, and over what is registered to be tested."""
    try:
        if set(collecting.SUBJECTS) & set(metafunc.fixturenames):
            collecting.parametrize(metafunc, _run_of(metafunc.config).setup.grid)
        if set(FIXTURES) & set(metafunc.fixturenames):
            parametrize(metafunc, _under_test_of(metafunc.config))
    except LicError as error:
        raise pytest.Collector.CollectError(str(error)) from error


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Take no times and compare no environments unasked; run one network after the other."""
    # Before all others, or pytest-benchmark would warn in every distributed run.
    timed, weighed = [], []
    if not asked_for.wants_timing(config):
        timed = collecting.take_out(items, collecting.TIMED)
    if not asked_for.wants_memory(config):
        weighed = collecting.take_out_memory(items)
    if timed or weighed:
        config.hook.pytest_deselected(items=timed + weighed)
    config.stash[_untaken] = [
        words
        for marker, unwanted, words in (
            (asked_for.TIMING, timed, "no times are taken; -m timing takes them"),
            (asked_for.MEMORY, weighed, "no memory is measured; -m memory measures it"),
        )
        if unwanted and asked_for.would_choose(config, marker)
    ]
    if _run in config.stash and not config.stash[_run].setup.options.environments:
        config.stash[_uncompared] = bool(collecting.take_out(items, collecting.COMPARED))
    if _run in config.stash:
        others = collecting.take_out_other_shards(items, config.stash[_run].setup.grid)
        if others:
            config.hook.pytest_deselected(items=others)
    yield
    if _run in config.stash:
        collecting.sort_items(items, config.stash[_run].setup.grid)


def pytest_report_collectionfinish(
    config: pytest.Config, items: Sequence[pytest.Item]
) -> list[str]:
    """What this run measures, and what the selection left out."""
    if _run not in config.stash or _controller not in config.stash:
        return []
    if items and all(collecting.tests_properties(item) for item in items):
        return []
    gates = not items or any(not collecting.takes_times(item) for item in items)
    run = config.stash[_run]
    lines = opening_lines(run.setup.grid, run.setup.options, gates)
    lines += (f"lic: {words}" for words in config.stash.get(_untaken, ()))
    if asked_for.left_properties_out(config):
        lines.append("lic: codecs were chosen, so no properties are tested; -m properties does it")
    if not items and config.stash.get(_uncompared, False):
        lines.append("lic: no environments are compared; --lic-environments all compares them")
    return lines


@pytest.fixture
def lic(request: pytest.FixtureRequest) -> Gate:
    """The checks of pytest-lic, for a test that takes a place on the grid too."""
    marker = request.node.get_closest_marker("lic_tolerance")
    if marker is not None and marker.args:
        raise UsageError(
            "the lic_tolerance marker takes names, such as lic_tolerance(psnr=0.02); "
            f"it was given {marker.args!r}"
        )
    gate = Gate(_run_of(request.config), marker.kwargs if marker is not None else {})
    request.node.stash[_gate] = gate
    return gate


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Run nothing of a shard that was lost; a curve is for the merge still."""
    run = item.config.stash.get(_run, None)
    reason = "" if run is None else run.setup.options.lost
    if run is not None and reason and not collecting.is_left(item, run.setup.grid):
        about = collecting.subject(item)
        pytest.fail(f"{about.id}: {reason}" if about else reason, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let no step of a codec hang the run, or end it."""
    if _gate not in item.stash:
        return (yield)
    with limited(Limit(_run_of(item.config).setup.options.timeout, item.config.stash[_stderr])):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the records of the gates; print our own errors as they stand."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, LicError):
        report.longrepr = str(call.excinfo.value)
    if report.when == "call" and _gate in item.stash:
        report.lic = Reported.of(item, item.stash[_gate].records)  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[
    None, dict[str, Any] | None, dict[str, Any] | None
]:
    """In an xdist worker: encode the records of a report that leaves for the controller."""
    carried = yield
    if carried is not None and "lic" in carried:
        carried["lic"] = carried["lic"].to_builtins()
    return carried


@pytest.hookimpl(tryfirst=True)
def pytest_report_from_serializable(data: dict[str, Any]) -> None:
    """In the controller: decode the records of a worker's report."""
    if "lic" in data:
        data["lic"] = Reported.from_builtins(data["lic"])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """In the controller: listen to every test's report."""
    config = session.config
    if _controller in config.stash:
        config.pluginmanager.register(config.stash[_controller], "lic-controller")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None]:
    """In the controller: update, name or prune baselines, and write what was found out."""
    _conclude(session, exitstatus)
    failure = ""
    try:
        # Here others fail a run that passed: over times, a coverage, a number of warnings.
        return (yield)
    except BaseException as error:
        failure = why_failed(error, session.config)
        raise
    finally:
        config = session.config
        if _controller in config.stash and _run in config.stash:
            status = int(session.exitstatus) or int(bool(failure))
            config.stash[_controller].fail_late(config.stash[_run], status, failure)
        if config.stash.get(_owns_process, False):
            process_end.conclude(int(session.exitstatus) or int(bool(failure)))


def _conclude(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if _controller in config.stash and config.stash[_controller].has_records:
        # Workers may have run tests of the user's that the controller did not foresee.
        _run_of(config)
    if _controller in config.stash and _run in config.stash:
        run, controller = config.stash[_run], config.stash[_controller]
        failed = controller.update(run, int(exitstatus))
        before, owns_process = config.stash[_threads], config.stash[_owns_process]
        threads = process_end.lingering(before)
        failed |= controller.refuse_threads(threads)
        if owns_process and threads:
            process_end.end_without_waiting()
        benchmarks = getattr(config.pluginmanager.get_plugin("pytest-benchmark"), "benchmarks", ())
        worse = max(int(exitstatus), int(failed))
        failed |= controller.write_results(run, worse, benchmarks)
        if failed and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table per family, regressions first."""
    config = terminalreporter.config
    if _controller in config.stash and _run in config.stash:
        config.stash[_controller].print(terminalreporter, config.stash[_run])


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _shared_of(config: pytest.Config) -> Shared:
    if _shared not in config.stash:
        sent = getattr(config, "workerinput", {}).get("lic")
        if sent is None:
            config.stash[_shared] = Shared.create(Origin.of(config))
        else:
            config.stash[_shared] = Shared(Origin(**sent["origin"]), Path(sent["store"]))
    return config.stash[_shared]


def _run_of(config: pytest.Config) -> Run:
    if _run not in config.stash:
        reporter = config.pluginmanager.get_plugin("terminalreporter")

        capture = config.pluginmanager.get_plugin("capturemanager")

        def say(text: str) -> None:
            if reporter is not None and not _is_worker(config):
                # Said while a test runs, it would be captured with what the test prints.
                shown = capture.global_and_fixture_disabled() if capture else nullcontext()
                with shown:
                    reporter.ensure_newline()
                    reporter.write_line(f"lic: {text}")

        families = discover(config)
        options = read_options(config, alone=tuple(families.configs))
        config.stash[_run] = new_run(options, families, _shared_of(config), say)
    return config.stash[_run]


def _under_test_of(config: pytest.Config) -> UnderTest:
    if _under_test not in config.stash:
        config.stash[_under_test] = under_test(config)
    return config.stash[_under_test]
