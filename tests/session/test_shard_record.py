"""What a shard's results say of it: the same of all shards of one run, another of other runs."""

from __future__ import annotations

from pytest_lic.results.json_file import load
from pytest_lic.results.shard_facts import ShardFacts
from tests.helpers.toy_project import Project


def facts(project: Project, *arguments: str) -> ShardFacts:
    file = project.path / "shard.json"
    project.run("-m", "rd", f"--lic-json={file}", *arguments)
    found = load(file).shard
    assert found is not None
    return found


def test_shards_of_one_run_tell_the_same(small: Project) -> None:
    small.run("-m", "rd", "--lic-update")
    one, other = (facts(small, f"--lic-shard={number}/2") for number in (1, 2))
    assert (one.plan, one.whole, one.baselines, one.options) == (
        other.plan,
        other.whole,
        other.baselines,
        other.options,
    )
    assert (one.name, other.name) == ("1/2", "2/2")
    assert one.cells + other.cells == one.whole
    assert one.options["codec"] == "toy"
    assert one.options["corpus"] == "images", "a folder by its name: elsewhere it lies elsewhere"


def test_another_baseline_or_option_shows(small: Project) -> None:
    before = facts(small, "--lic-shard=1/2")
    small.run("-m", "rd", "--lic-update")
    recorded = facts(small, "--lic-shard=1/2")
    assert recorded.baselines != before.baselines
    assert recorded.options == before.options
    other = facts(small, "--lic-shard=1/2", "--lic-bd=psnr,ms_ssim")
    assert other.options["bd"] != before.options["bd"]


def test_the_command_of_a_left_curve_runs_it_alone(small: Project) -> None:
    (left,) = facts(small, "--lic-shard=1/2").left
    assert "--lic-codec toy" in left.command
    assert "shard" not in left.command


def test_a_whole_run_is_no_shard(small: Project) -> None:
    file = small.path / "whole.json"
    small.run("-m", "rd", f"--lic-json={file}")
    assert load(file).shard is None
    assert '"shard"' not in file.read_text()
