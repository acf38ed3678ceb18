"""Kept bitstreams that are stale are named, decoded, and removed when pruned."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest

from pytest_lic.baselines import kept_streams
from tests.helpers.kept_streams import (
    SHIFTED,
    conformance,
    failure,
    files,
    folder,
    manifest,
    streams,
)
from tests.helpers.toy_project import Project


def test_stale_bitstreams_are_named_by_complete_runs_and_removed_when_pruned(
    with_streams: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lic.project.registration.metadata.entry_points", lambda **group: [])
    stored = json.loads(manifest(with_streams).read_text())
    manifest(with_streams, "gone").write_text(json.dumps({**stored, "family": "gone"}))
    shutil.copytree(folder(with_streams) / "toy", folder(with_streams) / "gone")
    with_streams.write_codec("STEPS.pop('5')")
    conftest = with_streams.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace(', "5": 0.02', ""))
    command = [
        word for word in with_streams.command("-m", "conformance") if word != "--lic-codec=toy"
    ]
    stale = [
        "gone, quality 5, bitstream of chelsea_67x45: no codec has this name",
        "toy, quality 5, bitstream of astronaut_128x96: quality 5 is gone",
    ]
    complete = with_streams.pytester.runpytest_inprocess(*command)
    assert complete.ret == 0
    complete.stdout.fnmatch_lines(
        [f"lic: stale (--lic-prune removes it): {line}" for line in stale]
    )
    assert len(streams(with_streams)) == 10
    part = with_streams.pytester.runpytest_inprocess(*command, "-k", "q1", "--lic-prune")
    part.stdout.fnmatch_lines(["lic: --lic-prune refused: not every cell was measured*"])
    pruned = with_streams.pytester.runpytest_inprocess(*command, "--lic-prune")
    assert pruned.ret == 0
    pruned.stdout.fnmatch_lines([f"lic: removed: {line}" for line in stale])
    assert len(streams(with_streams)) == 8
    assert len(files(with_streams)) == 17, "the manifest, and two files for each stream"
    with_streams.pytester.runpytest_inprocess(*command).stdout.no_fnmatch_line("lic: stale*")


def test_bitstreams_of_an_image_that_is_gone_are_decoded_until_they_are_pruned(
    with_streams: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lic.project.registration.metadata.entry_points", lambda **group: [])
    streams = kept_streams.load(folder(with_streams), "toy")
    before = files(with_streams)
    first = kept_streams.read(folder(with_streams), "toy", streams["1", "chelsea_67x45"])
    gone = replace(first, stream=replace(first.stream, image="gone"))
    kept_streams.save(folder(with_streams), "toy", streams, [gone])
    command = [
        word for word in with_streams.command("-m", "conformance") if word != "--lic-codec=toy"
    ]
    decoded = with_streams.pytester.runpytest_inprocess(*command)
    assert decoded.ret == 0
    decoded.stdout.fnmatch_lines(
        [
            "lic: conformance: toy: 11 old bitstreams: 11 to the bit",
            "lic: stale (*): toy, quality 1, bitstream of gone: image gone is gone",
        ]
    )
    with_streams.write_codec(SHIFTED.replace("LEVELS", "9"), codec="Shifted")
    assert (
        re.search("gone: pixels: .* dB then, .* dB now", failure(conformance(with_streams))) is None
    )
    assert "gone: pixels: " in failure(conformance(with_streams))
    with_streams.write_codec()
    assert with_streams.pytester.runpytest_inprocess(*command, "--lic-prune").ret == 0
    assert files(with_streams) == before
