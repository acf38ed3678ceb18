"""Options of pytest: each has a twin in the ini file."""

from __future__ import annotations

import pytest

from pytest_lic.project.option_table import OPTIONS
from tests.helpers.toy_project import Project


def test_help_tells_every_option(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--help")
    assert result.ret == 0, result.stderr.str()
    text = result.stdout.str()
    assert all(f"  {option.flag_name}" in text for option in OPTIONS)
    assert "within 1 % of" in " ".join(text.split())


def test_every_option_has_an_ini_twin(small: Project) -> None:
    (small.path / "pytest.ini").write_text(
        "[pytest]\n"
        "addopts = --pyargs pytest_lic.suites -p no:hypothesispytest -p no:cacheprovider\n"
        "lic_codec = toy\n"
        "lic_quality =\n    2\n    3\n"
        f"lic_corpus = {small.images}\n"
        "lic_resolution = 48\n"
        "lic_metrics = psnr\n"
        "lic_no_cache = yes\n"
        "lic_update = true\n"
        "lic_baselines = recorded\n"
    )
    result = small.pytester.runpytest_inprocess("-m", "rd")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["lic: 2 cells of 1 codecs on images; *; no cache"])
    assert (small.path / "recorded" / "toy.json").exists()
    chosen = small.pytester.runpytest_inprocess("-m", "rd", "--lic-quality=4", "--collect-only")
    chosen.stdout.fnmatch_lines(["lic: 1 cells of 1 codecs on images; *"])


CONFIG = """
[tool.pytest.ini_options]
addopts = "--pyargs pytest_lic.suites -p no:hypothesispytest -p no:cacheprovider"
filterwarnings = ["error", "ignore::pytest.PytestAssertRewriteWarning"]
lic_codec = "toy"
lic_corpus = ["images"]
lic_metrics = ["psnr"]
lic_no_cache = true
lic_threads = [1]
"""


def configured(project: Project, line: str, config: str = CONFIG) -> pytest.RunResult:
    (project.path / "pyproject.toml").write_text(config + line + "\n")
    return project.pytester.runpytest_inprocess("-m", "rd", "--collect-only")


def test_lists_and_numbers_of_a_toml_file_are_taken(small: Project) -> None:
    result = configured(small, 'lic_batch = [1, 2]\nlic_quality = ["3", 4]\nlic_lambda = [5e-3]')
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["lic: 2 cells of 1 codecs on images; *; no cache"])
    assert {batch for batch in ("-b1-", "-b2-") if batch in result.stdout.str()} == {"-b1-", "-b2-"}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("lic_timeout = [1, 2]", "lic_timeout = [[]1, 2[]]: expected one value, not a list"),
        ("lic_strict = [true, false]", "lic_strict = *: expected one value, not a list"),
        ("lic_batch = [[1], [2]]", "lic_batch = *: [[]1[]] is neither a text nor a number; *"),
        ("lic_batch = [1, 'two']", "--lic-batch 'two': expected a number"),
    ],
)
def test_what_is_no_value_is_told_on_one_line(small: Project, line: str, error: str) -> None:
    result = configured(small, line)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {error}"])
    assert "INTERNALERROR" not in result.stdout.str()
