"""Nothing is measured twice, and nothing stale is ever believed."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import ModuleType

import pytest

from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.store import (
    CAN_CHANGE_A_NUMBER,
    MeasurementStore,
    clear,
    default_folder,
    installed_packages,
    project_files,
    usage,
)
from tests.helpers.measurements import image, measurement

KEY = {
    "cell": "toy-q1-photos-native-b1-cpu",
    "fingerprint": "weights 1",
    "corpus": "d1",
    "environment": {"torch": "2.6", "threads": 1},
    "metrics": "psnr:1",
}


class Counted:
    """Something to measure that counts how often it was."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Measurement:
        self.times += 1
        return measurement({"one.png": image(bits=str(self.times), psnr=None)})


@pytest.fixture
def measure() -> Counted:
    return Counted()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that all runs share."""
    return tmp_path / "cache"


@pytest.fixture
def new_run(tmp_path: Path, folder: Path) -> Callable[..., MeasurementStore]:
    """Makes the store of another run."""
    count = iter(range(100))
    return lambda **more: MeasurementStore(tmp_path / f"run{next(count)}", folder, **more)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """An imported module of the project's own."""
    (tmp_path / "lic_test_helper.py").write_text("GAIN = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield importlib.import_module("lic_test_helper")
    sys.modules.pop("lic_test_helper", None)


def test_within_a_run_a_measurement_is_made_once(tmp_path: Path, measure: Counted) -> None:
    store = MeasurementStore(tmp_path / "run", None)
    first = store.get(KEY, durable=False, measure=measure)
    again = store.get(KEY, durable=False, measure=measure)
    assert (first.measured, again.measured, measure.times) == (True, False, 1)
    assert again.measurement == first.measurement


def test_processes_that_share_a_run_share_its_measurements(
    tmp_path: Path, measure: Counted
) -> None:
    for _ in range(2):
        MeasurementStore(tmp_path / "run", None).get(KEY, durable=False, measure=measure)
    assert measure.times == 1


def test_a_later_run_uses_what_an_earlier_one_kept(
    new_run: Callable[..., MeasurementStore], measure: Counted
) -> None:
    first = new_run().get(KEY, durable=True, measure=measure)
    again = new_run().get(KEY, durable=True, measure=measure)
    assert (again.measured, measure.times) == (False, 1)
    assert again.measurement == first.measurement


def test_without_a_fingerprint_nothing_is_kept_for_a_later_run(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted
) -> None:
    for _ in range(2):
        assert new_run().get(KEY, durable=False, measure=measure).measured
    assert not folder.exists()


def test_a_key_without_a_fingerprint_never_reads_a_kept_entry(
    new_run: Callable[..., MeasurementStore], measure: Counted
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    assert new_run().get(KEY, durable=False, measure=measure).measured


def test_without_a_cache_folder_nothing_is_kept(
    tmp_path: Path, folder: Path, measure: Counted
) -> None:
    for run in ("one", "two"):
        store = MeasurementStore(tmp_path / run, None)
        assert store.get(KEY, durable=True, measure=measure).measured
    assert not folder.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"cell": "toy-q1-photos-native-b4-cpu"},
        {"fingerprint": "weights 2"},
        {"corpus": "d2"},
        {"environment": {"torch": "2.7", "threads": 1}},
        {"environment": {"torch": "2.6", "threads": 2}},
        {"metrics": "lpips:1:vgg:abc psnr:1"},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_change_of_anything_in_the_key_measures_again(
    new_run: Callable[..., MeasurementStore], measure: Counted, change: dict[str, object]
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    assert new_run().get(KEY | change, durable=True, measure=measure).measured
    assert not new_run().get(KEY, durable=True, measure=measure).measured


def test_the_order_of_the_key_does_not_matter(
    new_run: Callable[..., MeasurementStore], measure: Counted
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    reordered = dict(reversed(KEY.items()))
    assert not new_run().get(reordered, durable=True, measure=measure).measured


def test_what_fails_is_not_stored(new_run: Callable[..., MeasurementStore], folder: Path) -> None:
    def fail() -> Measurement:
        raise RuntimeError("the encoder crashed")

    store = new_run()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the encoder crashed"):
            store.get(KEY, durable=True, measure=fail)
    assert usage(folder).entries == 0


def test_editing_a_line_of_an_imported_module_measures_again(
    new_run: Callable[..., MeasurementStore], measure: Counted, helper: ModuleType
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    assert not new_run().get(KEY, durable=True, measure=measure).measured
    assert helper.__file__ is not None
    source = Path(helper.__file__)
    source.write_text("GAIN = 2\n")
    assert new_run().get(KEY, durable=True, measure=measure).measured
    assert not new_run().get(KEY, durable=True, measure=measure).measured
    source.write_text("GAIN = 1\n")
    assert new_run().get(KEY, durable=True, measure=measure).measured


def test_the_edit_is_noticed_before_the_module_is_imported_again(
    new_run: Callable[..., MeasurementStore], measure: Counted, helper: ModuleType
) -> None:
    # A codec imports its helper when it codes; when all is cached, nothing codes.
    new_run().get(KEY, durable=True, measure=measure)
    del sys.modules["lic_test_helper"]
    assert not new_run().get(KEY, durable=True, measure=measure).measured
    assert helper.__file__ is not None
    Path(helper.__file__).write_text("GAIN = 2\n")
    assert new_run().get(KEY, durable=True, measure=measure).measured


def test_a_module_that_is_gone_measures_again(
    new_run: Callable[..., MeasurementStore], measure: Counted, helper: ModuleType
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    assert helper.__file__ is not None
    Path(helper.__file__).unlink()
    assert new_run().get(KEY, durable=True, measure=measure).measured


def test_a_module_imported_while_measuring_counts(
    new_run: Callable[..., MeasurementStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "lic_test_lazy.py").write_text("GAIN = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def lazy() -> Measurement:
        importlib.import_module("lic_test_lazy")
        return measurement()

    new_run().get(KEY, durable=True, measure=lazy)
    del sys.modules["lic_test_lazy"]
    (tmp_path / "lic_test_lazy.py").write_text("GAIN = 2\n")
    assert new_run().get(KEY, durable=True, measure=lazy).measured
    del sys.modules["lic_test_lazy"]


def test_an_edit_while_the_tests_run_is_not_taken_for_what_was_measured(
    new_run: Callable[..., MeasurementStore], helper: ModuleType
) -> None:
    assert helper.__file__ is not None
    source = Path(helper.__file__)

    def edited_meanwhile() -> Measurement:
        source.write_text("GAIN = 2\n")  # this process has imported GAIN = 1
        return measurement()

    new_run().get(KEY, durable=True, measure=edited_meanwhile)
    assert new_run().get(KEY, durable=True, measure=measurement).measured


def test_a_file_that_was_pushed_out_of_the_imported_modules_counts_if_it_is_given(
    new_run: Callable[..., MeasurementStore], tmp_path: Path, measure: Counted
) -> None:
    conftest = tmp_path / "conftest.py"
    conftest.write_text("STEP = 1\n")
    new_run(sources=[str(conftest)]).get(KEY, durable=True, measure=measure)
    assert not new_run(sources=[str(conftest)]).get(KEY, durable=True, measure=measure).measured
    conftest.write_text("STEP = 2\n")
    assert new_run(sources=[str(conftest)]).get(KEY, durable=True, measure=measure).measured


def test_sources_are_the_projects_own_and_not_those_of_installed_packages(
    helper: ModuleType,
) -> None:
    found = project_files()
    assert helper.__file__ in found
    assert __file__ in found
    assert not [path for path in found if "site-packages" in path]
    assert json.__file__ not in found


@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("pytest_lic.codec", True),
        ("pytest_lic.measuring.metrics", True),
        ("pytest_lic.run.codecs", True),
        ("pytest_lic.project.family_calls", True),
        ("pytest_lic.plugin", False),
        ("pytest_lic.run.curves", False),
        ("pytest_lic.project.options", False),
        ("pytest_lic.report.words", False),
    ],
)
def test_of_this_plugin_only_what_can_change_a_number_is_a_source(
    module: str, counts: bool
) -> None:
    path = importlib.import_module(module).__file__
    assert (path in project_files()) == counts


def test_what_can_change_a_number_is_there() -> None:
    assert all(importlib.import_module(f"pytest_lic.{part}") for part in CAN_CHANGE_A_NUMBER)


def entries(folder: Path) -> list[Path]:
    """The files of a cache folder."""
    return sorted(folder.glob("*/*.json"))


def flip(text: str) -> str:
    """One digit of a number changed, in what is still JSON."""
    assert '"bytes": 10000' in text
    return text.replace('"bytes": 10000', '"bytes": 10001')


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "{}",
        lambda text: "[]",
        lambda text: "null",
        lambda text: "[" * 100_000,
        lambda text: text.replace("lossless", "losless"),
        flip,
    ],
    ids=["empty", "cut", "object", "list", "null", "deep", "key", "digit"],
)
def test_a_corrupt_entry_is_measured_again_and_mended(
    new_run: Callable[..., MeasurementStore],
    folder: Path,
    measure: Counted,
    damage: Callable[[str], str],
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    (entry,) = entries(folder)
    entry.write_text(damage(entry.read_text()))
    assert new_run().get(KEY, durable=True, measure=measure).measured
    assert not new_run().get(KEY, durable=True, measure=measure).measured


def test_an_entry_of_bytes_that_are_no_text_is_measured_again(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    (entry,) = entries(folder)
    entry.write_bytes(b"\xff\x00")
    assert new_run().get(KEY, durable=True, measure=measure).measured


def test_a_cache_that_can_not_be_written_is_a_warning_and_no_failure(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted
) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match=r"can't be written \(.*--lic-cache-dir.*--lic-no-cache"):
        assert new_run().get(KEY, durable=True, measure=measure).measured


def test_an_entry_holds_what_its_number_depends_on(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted, helper: ModuleType
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    stored = json.loads(entries(folder)[0].read_text())
    assert stored["key"] == KEY
    assert helper.__file__ in stored["sources"]


def slowly(log: str) -> Measurement:
    """Measure for long enough that another process comes along."""
    with Path(log).open("a") as stream:
        stream.write("measured\n")
    time.sleep(0.5)
    return measurement()


def measure_elsewhere(run: str, cache: str, log: str, ready: Barrier) -> None:
    """What each of the processes does."""
    ready.wait()
    store = MeasurementStore(Path(run), Path(cache))
    found = store.get(KEY, durable=True, measure=lambda: slowly(log))
    assert found.measurement == measurement()


def test_two_processes_measure_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log, ready = tmp_path / "log.txt", context.Barrier(2)
    arguments = (str(tmp_path / "run"), str(tmp_path / "cache"), str(log), ready)
    processes = [context.Process(target=measure_elsewhere, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert log.read_text() == "measured\n"
    assert usage(tmp_path / "cache").entries == 1


def test_a_folder_that_is_not_there_holds_nothing(folder: Path) -> None:
    assert usage(folder).entries == 0
    assert clear(folder).entries == 0


def test_usage_counts_entries_and_bytes(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted
) -> None:
    for corpus in "abc":
        new_run().get(KEY | {"corpus": corpus}, durable=True, measure=measure)
    found = usage(folder)
    assert found.entries == 3
    assert found.size == sum(entry.stat().st_size for entry in entries(folder))


def test_clear_removes_entries_and_nothing_else(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted
) -> None:
    for corpus in "abc":
        new_run().get(KEY | {"corpus": corpus}, durable=True, measure=measure)
    first, *_ = entries(folder)
    half = first.with_name(f"{first.name}.0123456789abcdef.new")  # of a run that was killed
    half.write_text("{")
    others = [
        folder / "notes.txt",
        folder / "baselines" / "toy.json",
        folder / "ab" / "mine.json",
        folder / "zz" / f"{'0' * 32}.json",
    ]
    for other in others:
        other.parent.mkdir(exist_ok=True)
        other.write_text("of the user")
    assert clear(folder).entries == 3
    left = {path for path in folder.rglob("*") if path.is_file()}
    assert left == set(others)
    assert not half.exists()
    assert usage(folder).entries == 0


def test_clear_leaves_no_empty_folders(
    new_run: Callable[..., MeasurementStore], folder: Path, measure: Counted
) -> None:
    new_run().get(KEY, durable=True, measure=measure)
    clear(folder)
    assert list(folder.iterdir()) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert new_run().get(KEY, durable=True, measure=measure).measured


def test_the_default_folder_is_the_users_cache() -> None:
    assert default_folder().parts[-2:] == ("pytest-lic", "measurements")


def test_a_package_installed_again_from_a_folder_changes_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    entry = packages / "mycodec-1.0.dist-info"
    entry.mkdir(parents=True)
    (entry / "METADATA").write_text("Metadata-Version: 2.1\nName: mycodec\nVersion: 1.0\n")
    (entry / "direct_url.json").write_text("{}")
    monkeypatch.syspath_prepend(packages)
    digests = []
    for content in ("mycodec.py,sha256=old,10\n", "mycodec.py,sha256=new,10\n"):
        (entry / "RECORD").write_text(content)
        digests.append(installed_packages.__wrapped__())
    assert digests[0] != digests[1]


def test_what_lies_in_the_working_directory_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = installed_packages.__wrapped__()
    entry = tmp_path / "mine.egg-info"
    entry.mkdir()
    (entry / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_packages.__wrapped__() == before
