"""Shards on a Ray cluster of two nodes, of which one or both go."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.engines.engine import Needs
from pytest_lic.engines.ray_cluster import RayEngine
from pytest_lic.engines.task import Died, Hopeless, ShardTask
from pytest_lic.measuring.shards import Shard
from pytest_lic.results.json_file import load
from pytest_lic.system.child_process import ChildDiedError, ChildProcess
from tests.helpers.toy_project import Project

pytest.importorskip("ray", reason="Ray is not installed")
packed = pytest.importorskip("pytest_lic.engines.ray_driver").packed
pytestmark = pytest.mark.xdist_group("ray")

WAITS = """
import pathlib
import time


class Waits(Toy):
    def encode(self, images):
        pathlib.Path(BEGAN).mkdir(exist_ok=True)
        pathlib.Path(BEGAN, str(self.step)).touch()
        while not pathlib.Path(GO).exists():
            time.sleep(0.1)
        return super().encode(images)
"""


class Nodes:
    """A cluster in a process of its own: a head that runs nothing, and two nodes of one core."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLUSTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._line()

    def remove(self, which: str) -> None:
        """End a node as a machine that loses its power: 0, 1, or the head."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{which}\n")
        self._process.stdin.flush()
        self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("cluster: "):
                return line.removeprefix("cluster: ").strip()
        raise AssertionError("the cluster ended")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


_CLUSTER = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
nodes = {str(index): cluster.add_node(num_cpus=1) for index in (0, 1)}
nodes["head"] = cluster.head_node
print("cluster:", cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes[line.strip()], allow_graceful=False)
    print("cluster: removed", flush=True)
cluster.shutdown()
"""


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    cluster = Nodes()
    yield cluster
    cluster.close()


def waiting_codec(project: Project) -> None:
    places = f"BEGAN = {str(project.path / 'began')!r}\nGO = {str(project.path / 'go')!r}\n"
    project.write_codec(places + WAITS, "Waits")


def started(project: Project, nodes: Nodes, *options: str) -> subprocess.Popen[str]:
    """A run on the cluster, once both nodes code."""
    command = [sys.executable, "-m", "pytest_lic", *words(project, nodes, *options)]
    run: subprocess.Popen[str] = subprocess.Popen(
        command, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 120
    while len(list(project.path.glob("began/*"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    return run


def words(project: Project, nodes: Nodes, *options: str) -> list[str]:
    out = f"--out={project.path / 'all.json'}"
    engine = ("--engine=ray", f"--address={nodes.address}", "--shards=2", "--patience=5")
    return ["run", *engine, out, *options, "--", *project.command("-m", "rd")]


def facts(file: Path) -> dict[str, Any]:
    """What a run found, without its tests' seconds."""
    results = load(file)
    return {
        "points": [(one.comparison.subject, one.comparison.verdict) for one in results.points],
        "curves": [(one.comparison.subject, one.comparison.verdict) for one in results.curves],
        "tests": [(test.id, test.outcome) for test in results.tests],
        "commit": results.run.commit,
    }


def test_a_node_that_goes_costs_a_try_and_nothing_else(small: Project, nodes: Nodes) -> None:
    small.run("-m", "rd", "--lic-update")
    small.run("-m", "rd", f"--lic-json={small.path / 'one.json'}")
    waiting_codec(small)
    run = started(small, nodes)
    nodes.remove("0")
    (small.path / "go").touch()
    told, errors = run.communicate(timeout=200)
    assert run.returncode == 0, errors
    assert "its worker or node died (NodeDiedError); tried again (1 of 3)" in errors
    assert "2 shards: 5 points and 1 curve: 6 same" in told
    assert facts(small.path / "all.json") == facts(small.path / "one.json")


@pytest.mark.parametrize("last", ["1", "head"])
def test_a_cluster_that_goes_is_told(small: Project, nodes: Nodes, last: str) -> None:
    small.run("-m", "rd", "--lic-update")
    waiting_codec(small)
    run = started(small, nodes)
    nodes.remove("0")
    nodes.remove(last)
    _, errors = run.communicate(timeout=200)
    assert run.returncode == 2
    why = "the connection to the cluster was lost" if last == "head" else "no node of the cluster"
    assert "no shard came to its end: shard 1: " in errors
    assert why in errors
    assert "Traceback" not in errors


def here(project: Project, *options: str) -> subprocess.CompletedProcess[str]:
    """A run on a cluster of this machine, which ends with it."""
    out = f"--out={project.path / 'all.json'}"
    command = [sys.executable, "-m", "pytest_lic", "run", "--engine=ray", "--shards=2", out]
    tests = project.command("-m", "rd")
    return subprocess.run(
        [*command, *options, "--", *tests],
        cwd=project.path,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_cluster_of_this_machine_does_where_there_is_no_other(small: Project) -> None:
    small.run("-m", "rd", "--lic-update")
    run = here(small)
    assert run.returncode == 0, run.stderr
    assert "6 same" in run.stdout


def test_a_driver_that_ended_is_not_started_again_without_its_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def ask(self: object, do: str, timeout: float, **arguments: object) -> dict[str, object]:
        asked.append(do)
        if do == "submit":
            raise ChildDiedError("exit status 1; its last words: (none)")
        return {"nodes": [{"CPU": 1.0}], "free": 1.0, "ended": []}

    monkeypatch.setattr(ChildProcess, "ask", ask)
    engine = RayEngine(Path.cwd(), None, Needs(), 60.0, None)
    engine.submit([ShardTask((), Shard(number, 2)) for number in (1, 2)])
    ends = engine.wait(0.0)
    assert [shard.number for shard, _ in ends] == [1, 2]
    assert {type(end) for _, end in ends} == {Hopeless}
    assert engine.close(interrupted=False) == ""
    assert asked == ["wait", "submit"]


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_what_ended_is_told_whether_or_not_the_rest_is_given_up(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    answers = iter(
        [
            {"nodes": [{"CPU": 1.0}], "free": 1.0, "ended": []},
            {"nodes": [], "free": 0.0, "ended": [packed(1, Died("its node died"))]},
        ]
    )
    monkeypatch.setattr(ChildProcess, "ask", lambda self, do, timeout, **_: next(answers, {}))
    engine = RayEngine(Path.cwd(), None, Needs(), patience, None)
    engine._waiting = {Shard(1, 2), Shard(2, 2)}
    ends = dict(engine.wait(0.0))
    assert ends.pop(Shard(1, 2)) == Died("its node died")
    assert list(ends) == ([Shard(2, 2)] if patience == 0.0 else [])


def test_what_no_node_has_is_said(small: Project) -> None:
    run = here(small, "--gpus=64")
    assert run.returncode == 2
    assert "--engine ray: a shard needs 1 CPU and 64 GPU, and this machine has" in run.stderr
    assert "Traceback" not in run.stderr
