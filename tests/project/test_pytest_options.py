"""Options of pytest: each has a twin in the ini file."""

from __future__ import annotations

from tests.helpers.toy_project import Project


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
