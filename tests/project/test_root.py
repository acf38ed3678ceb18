"""The project is where pytest was started, whatever folder an option names."""

from __future__ import annotations

import pytest

from tests.helpers.toy_project import Project, write_photographs


def test_corpus_folder_given_as_a_word_does_not_become_the_project(project: Project) -> None:
    # pytest takes the folder for a test path, and for its root if nothing else is a path.
    run = ["-m", "rd", "--lic-metrics=psnr", "--lic-quality=1", "--lic-corpus", str(project.images)]
    assert project.run(*run, "--lic-update").ret == 0
    assert project.baseline.exists()
    assert not (project.images / "baselines").exists()
    assert project.run(*run).ret == 0


def test_configuration_that_pytest_passes_over_is_named(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (project.path / "pytest.ini").write_text("[pytest]\nlic_threads = 2\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "images"
    write_photographs(elsewhere, count=1)
    run = ["-m", "rd", "--lic-metrics=psnr", "--lic-quality=1", "--lic-update"]
    found = project.run(*run, "--lic-corpus", str(elsewhere))
    found.stdout.fnmatch_lines(
        ["lic: pytest took an option's folder for a test path*--lic-corpus=DIR*"]
    )
    assert project.baseline.exists()
    found = project.run(*run, f"--lic-corpus={elsewhere}")
    found.stdout.no_fnmatch_line("*for a test path*")
    found.stdout.fnmatch_lines(["*2 threads per process*"])


def test_tolerances_are_the_projects_all_the_same(project: Project) -> None:
    (project.path / "pyproject.toml").write_text("[tool.pytest_lic.tolerance]\npsnr = -1\n")
    found = project.run("-m", "rd", "--lic-corpus", str(project.images))
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*pyproject.toml*psnr*"])
