"""The suites are collected under their own name, wherever and however pytest is started."""

from __future__ import annotations

import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
import pytest_lic.suites

from tests.helpers.toy_project import Project

SUITES = Path(pytest_lic.suites.__file__).parent
TESTS = {
    "pytest_lic.suites.test_complexity": {"test_complexity"},
    "pytest_lic.suites.test_conformance": {"test_old_bitstreams"},
    "pytest_lic.suites.test_hostile": {"test_hostile_bitstreams"},
    "pytest_lic.suites.test_determinism": {
        "test_repeat",
        "test_fresh_process",
        "test_other_threads",
        "test_batch",
    },
    "pytest_lic.suites.test_progressive": {"test_parts_of_streams"},
    "pytest_lic.suites.test_rd": {"test_point", "test_curve"},
    "pytest_lic.suites.test_roundtrip": {"test_round_trip"},
}


def collected(project: Project, *arguments: str) -> list[str]:
    """The test ids that ``--collect-only`` prints for one quality of the toy codec."""
    chosen = ("--lic-codec=toy", "--lic-quality=1", f"--lic-corpus={project.images}")
    options = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "--collect-only", "-q")
    result = project.pytester.runpytest_inprocess(*options, *chosen, *arguments)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    ids = [line for line in result.stdout.lines if "::" in line]
    assert len(ids) == len(set(ids)), "nothing is collected twice"
    return ids


def functions(ids: list[str]) -> dict[str, set[str]]:
    """Test module → its test functions."""
    found: dict[str, set[str]] = {}
    for item in ids:
        module, _, name = item.partition("::")
        found.setdefault(module, set()).add(name.partition("[")[0])
    return found


def test_markers_choose_among_the_suites(small: Project) -> None:
    for marker, modules in (
        ("rd", ["test_rd"]),
        ("timing", ["test_timing"]),
        ("roundtrip or determinism", ["test_roundtrip", "test_determinism"]),
        (
            "properties",
            [
                f"properties.test_{kind}"
                for kind in (
                    "coders",
                    "context_models",
                    "quantizers",
                    "samplers",
                    "vector_quantizers",
                )
            ],
        ),
    ):
        found = functions(collected(small, "--pyargs", "pytest_lic.suites", "-m", marker))
        assert set(found) == {f"pytest_lic.suites.{module}" for module in modules}


@pytest.mark.parametrize(
    "arguments",
    [
        "pytest_lic.suites",
        "pytest_lic.suites --strict-markers",
        "pytest_lic.suites --import-mode=importlib",
        "pytest_lic.suites -o python_files=check_*.py",
        "pytest_lic.suites.test_rd pytest_lic.suites",
        "pytest_lic.suites pytest_lic.suites",
    ],
)
def test_every_way_to_name_the_suites_finds_them_once(small: Project, arguments: str) -> None:
    assert functions(collected(small, "--pyargs", *arguments.split())) == TESTS


def test_a_single_suite_is_found_by_name(small: Project) -> None:
    for module in TESTS:
        files = ("-o", "python_files=check_*.py")
        assert functions(collected(small, *files, "--pyargs", module)) == {module: TESTS[module]}


def test_the_suites_are_found_by_path(small: Project) -> None:
    # Told by path, pytest looks for conftest.py files there, and not where it was started.
    (small.path / "conftest.py").rename(small.path / "toy_plugin.py")
    small.pytester.syspathinsert()
    (small.path / "pytest.ini").write_text("[pytest]\npython_files = check_*.py\n")
    rooted = (f"--rootdir={small.path}", "-c", str(small.path / "pytest.ini"), "-p", "toy_plugin")
    assert functions(collected(small, *rooted, str(SUITES))) == TESTS
    one = str(SUITES / "test_roundtrip.py")
    assert functions(collected(small, *rooted, one)) == {
        "pytest_lic.suites.test_roundtrip": {"test_round_trip"}
    }


def test_a_test_is_found_by_the_id_that_is_printed(small: Project) -> None:
    for printed in collected(small, "--pyargs", "pytest_lic.suites"):
        assert collected(small, "--pyargs", printed) == [printed]


def test_property_tests_are_found_in_their_folder_and_by_id(small: Project) -> None:
    name = "pytest_lic.suites.properties"
    every = collected(small, "--pyargs", name)
    assert {item.partition("::")[0] for item in every} == {
        f"{name}.test_coders",
        f"{name}.test_context_models",
        f"{name}.test_quantizers",
        f"{name}.test_samplers",
        f"{name}.test_vector_quantizers",
    }
    for printed in every[:: len(every) // 4]:
        assert collected(small, "--pyargs", printed) == [printed]
    (small.path / "conftest.py").rename(small.path / "toy_plugin.py")
    small.pytester.syspathinsert()
    ini = small.pytester.makeini("[pytest]")
    rooted = (f"--rootdir={small.path}", "-c", str(ini))
    for path in (SUITES / "properties", SUITES / "properties" / "test_coders.py"):
        found = collected(small, *rooted, "-p", "toy_plugin", str(path))
        assert found == [item for item in every if path.stem in item]


def test_property_tests_stay_away_from_runs_that_choose_codecs(small: Project) -> None:
    chosen = collected(small, "--pyargs", "pytest_lic.suites")
    assert not any("properties" in item for item in chosen)
    options = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "--collect-only", "-q")
    (small.path / "pytest.ini").write_text(
        f"[pytest]\nlic_codec = toy\nlic_corpus = {small.images}"
    )
    plain = small.pytester.runpytest_inprocess(*options, "--pyargs", "pytest_lic.suites")
    assert functions(plain.stdout.lines).keys() > set(TESTS)
    assert "pytest_lic.suites.properties.test_coders" in functions(plain.stdout.lines)
    told = small.run("--collect-only", "-q")
    told.stdout.fnmatch_lines(["lic: codecs were chosen, so no properties are tested; *"])
    plain.stdout.no_fnmatch_line("lic: codecs were chosen*")


def test_a_project_with_suites_of_its_own_keeps_them(small: Project) -> None:
    own = small.pytester.mkpydir("suites")
    (own / "test_rd.py").write_text("def test_mine():\n    pass\n")
    (own / "check_more.py").write_text("def test_more():\n    pass\n")
    for mode in ("prepend", "importlib"):
        for files, theirs in (("test_*.py", "test_mine"), ("check_*.py", "test_more")):
            found = collected(
                small,
                *(f"--import-mode={mode}", "-o", f"python_files={files}"),
                *("--pyargs", str(own), "pytest_lic.suites"),
            )
            names = {item.partition("::")[2].partition("[")[0] for item in found}
            assert names == {theirs}.union(*TESTS.values())


def test_a_run_that_does_not_name_the_suites_does_not_collect_them(small: Project) -> None:
    small.pytester.makepyfile(test_mine="def test_mine():\n    pass\n")
    assert collected(small) == ["test_mine.py::test_mine"]


def test_cells_of_one_network_stand_together_and_curves_last(small: Project) -> None:
    result = small.run("--collect-only", "-q", "--lic-resolution=native,32", "-k", "not edge")
    ids = [line.partition("[")[2] for line in result.stdout.lines if "::" in line]
    networks = [name.split("-")[1] if name.startswith("toy-q") else "curve" for name in ids]
    assert [network for network, _ in groupby(networks)] == ["q1", "q2", "q3", "q4", "q5", "curve"]


def test_a_narrowed_run_says_why_it_gates_no_curve(small: Project) -> None:
    result = small.run("-m", "rd", "-k", "test_curve", "--lic-quality=1", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            "lic: the qualities are narrowed: points are gated, curves are not",
            "SKIPPED * the grid holds no codec with all qualities",
        ]
    )


MINE = """
import pytest

@pytest.mark.lic_tolerance({tolerance})
def test_mine(lic, lic_cell):
    lic.point(lic_cell)

def test_whole(lic, lic_curve):
    lic.curve(lic_curve)
"""


def test_a_test_of_ones_own_uses_the_gates_and_loosens_a_tolerance(small: Project) -> None:
    assert small.run("-m", "rd", "--lic-update").ret == 0
    # Half a level off on every second pixel: PSNR falls, bits stay.
    small.write_codec(
        """
        class Worse(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                images[..., ::2] = (images[..., ::2] - 1 / 255).clamp(0, 1)
                return images
        """,
        codec="Worse",
        fingerprint="None",
    )
    options = ["-p", "no:hypothesispytest", "-p", "no:cacheprovider", "--lic-metrics=psnr"]
    options += ["--lic-codec=toy", "--lic-quality=5", f"--lic-corpus={small.images}"]
    for tolerance, failed in (("bpp=3", 1), ("psnr=3", 0), ("psnr={'mean': 3}", 1)):
        (small.path / "test_mine.py").write_text(MINE.format(tolerance=tolerance))
        result = small.pytester.runpytest_inprocess(*options)
        result.assert_outcomes(failed=failed, passed=1 - failed, skipped=1)
    result.stdout.no_fnmatch_line("*PSNR, mean*")
    result.stdout.fnmatch_lines(["*PSNR, image photo0.png: baseline *(tolerance 0.05 dB)"])


LIGHT = """
import sys

from pytest_lic import CodecFamily

def build(quality, device):
    raise RuntimeError("a network was loaded")

def pytest_lic_codecs():
    for index in range(50):
        yield CodecFamily(f"light{index}", [str(q) for q in range(8)], build)

def pytest_unconfigure(config):
    print("torch loaded:", "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--collect-only", "-q"],
        ["--collect-only", "-q", "-m", "properties"],
        ["-n1", "-k", "curve", "-q"],
    ],
)
def test_collecting_loads_no_torch_and_no_network(
    pytester: pytest.Pytester, arguments: list[str]
) -> None:
    # In the controller of a distributed run, which only collects in its workers, and on its own.
    (pytester.path / "conftest.py").write_text(LIGHT)
    chosen = [
        "--lic-codec=light*",
        "--lic-quality=1",
        "--lic-no-cache",
        "-p",
        "no:hypothesispytest",
    ]
    command = [sys.executable, "-m", "pytest", "--pyargs", "pytest_lic.suites", *chosen, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "torch loaded: False" in result.stdout
