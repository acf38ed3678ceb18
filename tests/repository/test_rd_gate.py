"""The gate of a pull request, step by step in a clone, up to the comment's text."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.helpers.ab_project import AbProject
from tests.helpers.actions import COMMENT, GITHUB
from tests.helpers.toy_project import write_photographs

ACTION = GITHUB / "actions" / "rd-gate"
ARGS = "--lic-codec toy --lic-corpus images --lic-metrics psnr -p no:cacheprovider"
WORSE = "STEPS['3'] = 21"
GH = '''#!{python}
"""Stands for GitHub's command: keeps comments in a file, knows one pull request."""
import json, sys
from pathlib import Path

state = Path({state!r})
github = json.loads(state.read_text())
arguments = sys.argv[1:]
words = " ".join(arguments)
github["calls"].append(words)
if words.startswith("run download"):
    folder = Path(arguments[arguments.index("--dir") + 1])
    folder.mkdir()
    (folder / "measured").write_text("here")
elif "actions/workflows/rd-gate.yml/runs" in words:
    print(github["run"])
elif "environments/rd-gate-gpu-forks" in words:
    print("\\n".join(github["rules"]))
elif "/pulls" in words:
    print(json.dumps(github["pulls"]))
elif "--paginate" in arguments:
    for number, (login, body) in enumerate(github["comments"]):
        print(json.dumps({{"id": number, "login": login, "start": body[:40]}}))
elif "POST" in arguments:
    github["comments"].append(["github-actions[bot]", json.load(sys.stdin)["body"]])
elif "PATCH" in arguments:
    number = int(arguments[3].rsplit("/", 1)[1])
    github["comments"][number][1] = json.load(sys.stdin)["body"]
else:
    sys.exit(f"unknown: {{words}}")
state.write_text(json.dumps(github))
'''


class GitHub:
    """A repository with a pull request, in a clone, and GitHub's side of it in a file."""

    def __init__(self, folder: Path) -> None:
        self.upstream = AbProject(folder)
        write_photographs(self.upstream.path / "images", count=2, side=64)
        (self.upstream.path / ".gitignore").write_text("__pycache__\nrd-gate/\n.rd-gate-*\n")
        self.path = folder / "clone"
        self.summary = folder / "step-summary.md"
        self.output = folder / "output"
        self.state = folder / "github.json"
        program = folder / "bin" / "gh"
        program.parent.mkdir()
        program.write_text(GH.format(python=sys.executable, state=str(self.state)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.environment = {
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "RD_GATE_PYTHON": sys.executable,
            "RD_GATE_ARGS": ARGS,
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_REPOSITORY": "team/codec",
            "GITHUB_WORKFLOW_REF": "team/codec/.github/workflows/rd-gate.yml@refs/pull/7/merge",
            "GITHUB_BASE_REF": "main",
            "RD_GATE_ARTIFACT": "rd-gate-measurements",
            "HEAD_OWNER": "someone",
            "HEAD_BRANCH": "work",
            "RUN_URL": "https://github.example/team/codec/actions/runs/1",
        }
        self.tell(pulls=[], comments=[], calls=[], rules=[], run="")

    def tell(self, **facts: object) -> None:
        known = json.loads(self.state.read_text()) if self.state.exists() else {}
        self.state.write_text(json.dumps({**known, **facts}))

    @property
    def known(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = json.loads(self.state.read_text())
        return found

    def step(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One step of the workflow, in the clone."""
        return subprocess.run(
            command,
            cwd=self.path,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def record(self) -> None:
        """Record baselines in the upstream repository."""
        command = [sys.executable, "-m", "pytest", "--pyargs", "pytest_lic.suites", "-q"]
        command += ["-m", "rd", *ARGS.split(), "--lic-update", "--lic-no-cache"]
        done = subprocess.run(
            command, cwd=self.upstream.path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout

    def clone(self) -> str:
        """What actions/checkout does; the base commit."""
        subprocess.run(
            ["git", "clone", "--quiet", str(self.upstream.path), str(self.path)], check=True
        )
        return self.upstream.git("rev-parse", "base")

    def pull_request(self, base: str) -> str:
        """Open one from the clone's commit; that commit."""
        head = self.upstream.git("rev-parse", "HEAD")
        pull = {"number": 7, "head": {"sha": head}, "base": {"sha": base}}
        self.tell(pulls=[pull])
        return head

    def comment(self, head: str, *parts: str) -> subprocess.CompletedProcess[str]:
        program = str(COMMENT / "comment.py")
        return self.step(
            sys.executable, program, *(parts or ("cpu=rd-gate=success",)), HEAD_SHA=head
        )


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is recorded of the base commit's codec."""
    recording = GitHub(tmp_path_factory.mktemp("recording"))
    recording.upstream.write()
    recording.record()
    return recording.upstream.path / "baselines"


@pytest.fixture
def github(tmp_path: Path, baselines: Path) -> GitHub:
    """A base commit with baselines, and nothing on the branch yet."""
    made = GitHub(tmp_path)
    made.upstream.write()
    shutil.copytree(baselines, made.upstream.path / "baselines")
    made.upstream.commit()
    made.upstream.git("branch", "base")
    return made


def test_a_bar_moved_with_a_regression_goes_from_gate_to_comment(github: GitHub) -> None:
    github.upstream.write(WORSE)
    github.record()
    github.upstream.commit(WORSE)
    base = github.clone()
    head = github.pull_request(base)
    gate = github.step("bash", str(ACTION / "gate.sh"), RD_GATE_BASE=base, RD_GATE_MARKS="rd")
    assert gate.returncode == 1, gate.stdout + gate.stderr
    assert "rd-gate: baselines: exit status 1" in gate.stdout
    assert "rd-gate: suites: exit status 1" in gate.stdout
    assert "### pytest-lic: failed" in github.summary.read_text()
    assert "### baselines: the bar was lowered" in github.summary.read_text()

    first = github.comment(head)
    assert first.stdout == "wrote the comment of pull request 7\n", first.stderr
    assert github.output.read_text() == f"number=7\nbase={base}\n"
    ((author, text),) = github.known["comments"]
    assert author == "github-actions[bot]"
    assert text.startswith("<!-- rd-gate -->\n## Rate-distortion gate of " + head[:10])
    assert "- **cpu**: failed" in text
    assert "### baselines: the bar was lowered: 1 lowered" in text
    assert "| **lowered** | toy, quality 3, images native |" in text
    assert "### pytest-lic: failed: " in text
    assert "| **regressed** | toy-q3-images-native-b1-cpu |" in text
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") >= 3
    assert html.count("<details>") == html.count("</details>") > 0

    (github.path / "rd-gate" / "status").write_text("0\n")
    again = github.comment(head)
    assert again.stdout == "updated the comment of pull request 7\n"
    ((_, text),) = github.known["comments"]
    assert "- **cpu**: passed" in text


@pytest.mark.parametrize("chosen", ["--lic-baselines=bars", "--lic-baselines bars"])
def test_edits_are_those_of_the_folder_that_the_suites_take(github: GitHub, chosen: str) -> None:
    bars = github.upstream.path / "bars"
    shutil.copytree(github.upstream.path / "baselines", bars)
    github.upstream.commit()
    base = github.upstream.git("rev-parse", "HEAD")
    stored = (bars / "toy.json").read_text()
    (bars / "toy.json").write_text(re.sub(r'"psnr": (\d+)', r'"psnr": 1\1', stored))
    github.upstream.commit()
    github.clone()
    environment = {"RD_GATE_BASE": base, "RD_GATE_ARGS": f"{ARGS} {chosen}", "RD_GATE_MARKS": "rd"}
    github.step("bash", str(ACTION / "gate.sh"), **environment)
    assert "raised" in (github.path / "rd-gate" / "1-baselines.md").read_text()


def test_a_branch_that_changes_nothing_passes(github: GitHub) -> None:
    github.upstream.commit(README="more words")
    base = github.clone()
    gate = github.step("bash", str(ACTION / "gate.sh"), RD_GATE_BASE=base, RD_GATE_MARKS="rd")
    assert gate.returncode == 0, gate.stdout + gate.stderr
    assert (github.path / "rd-gate" / "status").read_text() == "0\n"
    assert (github.path / "rd-gate" / "results.json").is_file()
    assert "passed: none of " in (github.path / "rd-gate" / "report.html").read_text()
    assert (github.path / "rd-gate" / "1-baselines.md").read_text() == "### baselines: no edit\n\n"


def run_shards(github: GitHub, base: str, *numbers: int) -> list[subprocess.CompletedProcess[str]]:
    """What a job for each shard does, and the artifacts that they leave."""
    gate, done = str(ACTION / "gate.sh"), []
    for number in numbers:
        shard = {"RD_GATE_BASE": base, "RD_GATE_MARKS": "rd", "RD_GATE_SHARD": f"{number}/2"}
        done.append(github.step("bash", gate, **shard))
        left = github.path / "rd-gate-shards" / f"rd-gate-shard-{number}"
        shutil.copytree(github.path / "rd-gate", left)
    return done


def test_shards_find_what_one_runner_finds_and_the_job_that_merges_fails(github: GitHub) -> None:
    github.upstream.write(WORSE)
    github.record()
    github.upstream.commit(WORSE)
    base = github.clone()
    shards = run_shards(github, base, 1, 2)
    assert [done.returncode for done in shards] == [0, 0], shards[0].stdout
    assert {"rd-gate: suites: exit status 1" in done.stdout for done in shards} == {True, False}
    assert not any("rd-gate: baselines" in done.stdout for done in shards)
    merged = github.step(
        "bash", str(ACTION / "gate.sh"), RD_GATE_BASE=base, RD_GATE_SHARDS="2", RD_GATE_MARKS="rd"
    )
    assert merged.returncode == 1, merged.stdout + merged.stderr
    assert "rd-gate: baselines: exit status 1" in merged.stdout
    assert "rd-gate: merge: exit status 1" in merged.stdout
    assert "toy-q3-images-native-b1-cpu" in (github.path / "rd-gate" / "2-suites.md").read_text()
    assert "<failure" in (github.path / "rd-gate" / "junit.xml").read_text()
    assert "toy" in (github.path / "rd-gate" / "report.html").read_text()


def test_a_shard_that_left_no_results_is_no_pass(github: GitHub) -> None:
    github.upstream.commit(README="more words")
    base = github.clone()
    run_shards(github, base, 1)
    merged = github.step("bash", str(ACTION / "gate.sh"), RD_GATE_BASE=base, RD_GATE_SHARDS="2")
    assert merged.returncode == 2
    assert "of 2 shards, 1 shard is missing: 2" in merged.stderr
    broken = github.step("bash", str(ACTION / "gate.sh"), RD_GATE_SHARD="3/2")
    assert broken.returncode == 2


def test_times_against_the_merge_base_are_a_part_where_asked_for(github: GitHub) -> None:
    github.upstream.commit(README="more words")
    base = github.clone()
    ab = f"--codec toy --quality 3 --corpus {github.path}/images --metrics psnr --budget 0.001"
    ab += " --resolution native"
    gate = github.step(
        "bash", str(ACTION / "gate.sh"), RD_GATE_BASE=base, RD_GATE_MARKS="rd", RD_GATE_AB=ab
    )
    assert "rd-gate: ab: exit status 0" in gate.stdout, gate.stdout + gate.stderr
    assert "nothing got worse" in (github.path / "rd-gate" / "3-ab.md").read_text()
    assert "Two commits" in (github.path / "rd-gate" / "report.html").read_text()


def test_a_base_that_is_not_there_is_no_pass(github: GitHub) -> None:
    github.clone()
    gate = github.step("bash", str(ACTION / "gate.sh"), RD_GATE_BASE="0" * 40)
    assert gate.returncode == 2
    assert (github.path / "rd-gate" / "status").read_text() == "2\n"


def test_suites_that_leave_no_results_are_no_pass(github: GitHub) -> None:
    github.clone()
    gate = github.step("bash", str(ACTION / "gate.sh"), RD_GATE_PYTHON="true")
    assert gate.returncode == 2
    assert "the suites left no results" in gate.stdout
    assert (github.path / "rd-gate" / "status").read_text() == "2\n"


def test_options_that_can_not_be_split_are_no_pass(github: GitHub) -> None:
    github.clone()
    unclosed = "--lic-strict --lic-codec 'toy"
    for name in ("RD_GATE_ARGS", "RD_GATE_AB"):
        gate = github.step("bash", str(ACTION / "gate.sh"), **{name: unclosed})
        assert gate.returncode == 2
        assert f"rd-gate: {name}: can't be split into words: {unclosed}" in gate.stdout
        assert (github.path / "rd-gate" / "status").read_text() == "2\n"


def test_comments_of_others_stay_and_closed_requests_get_none(github: GitHub) -> None:
    base = github.clone()
    head = github.pull_request(base)
    github.tell(comments=[["someone", "<!-- rd-gate --> mine"], ["github-actions[bot]", "other"]])
    assert github.comment(head).returncode == 0
    bodies = [body for _, body in github.known["comments"]]
    assert bodies[:2] == ["<!-- rd-gate --> mine", "other"]
    assert "- **cpu**: it left no results" in bodies[2]
    gone = github.comment("0" * 40)
    assert gone.returncode == 0
    assert "no open pull request ends at 000" in gone.stdout
    assert len(github.known["comments"]) == 3


def test_measurements_come_from_the_base_branch_alone(github: GitHub) -> None:
    github.clone()
    planted = github.path / ".rd-gate-measurements"
    planted.mkdir()
    (planted / "forged").write_text("")
    script = str(ACTION / "measurements.sh")
    assert "none of main" in github.step("bash", script).stdout
    assert not planted.exists(), "what the branch brought along does not count"
    github.tell(run="42")
    assert "those of run 42 on main" in github.step("bash", script).stdout
    assert [path.name for path in planted.iterdir()] == ["measured"]
    asked = next(call for call in github.known["calls"] if "workflows/rd-gate.yml" in call)
    assert "-f branch=main -f event=push" in asked
    assert "no pull request" in github.step("bash", script, GITHUB_BASE_REF="").stdout
    assert not planted.exists(), "nor where it is merged, or runs on the GPU"
    steps = (ACTION / "action.yml").read_text()
    assert re.search(r"- name: measurements of the base branch\n +shell", steps), "always run"


@pytest.mark.parametrize(
    ("fork", "rules", "allowed"),
    [
        ("false", [], "true"),
        ("true", [], "false"),
        ("true", ["wait_timer"], "false"),
        ("true", ["wait_timer", "required_reviewers"], "true"),
    ],
)
def test_code_of_forks_needs_reviewers_to_reach_the_gpu(
    github: GitHub, fork: str, rules: list[str], allowed: str
) -> None:
    github.clone()
    github.tell(rules=rules)
    done = github.step("bash", str(COMMENT / "gpu_allowed.sh"), FORK=fork)
    assert done.returncode == 0, done.stderr
    assert github.output.read_text() == f"allowed={allowed}\n"


def test_every_action_is_pinned_by_a_commit() -> None:
    files = [*GITHUB.glob("workflows/*.yml"), *GITHUB.glob("actions/*/action.yml")]
    assert len(files) == 6
    for file in files:
        for used in re.findall(r"^\s*(?:- )?uses: (.*)", file.read_text(), re.MULTILINE):
            assert re.fullmatch(r"\./\S+|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), (file, used)
