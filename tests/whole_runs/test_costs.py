"""A codec that costs more than is recorded is caught by name, in whole runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

# What counts operations imports it, and runs within this process would do so again each time.
import torch._dynamo  # noqa: F401

from tests.helpers.broken_codec import failing
from tests.helpers.toy_network import write_network
from tests.helpers.toy_project import Project

SLOWER = """
    class Slower(Net):
        def __init__(self):
            super().__init__()
            self.g_s.insert(0, nn.Conv2d(8, 8, 1))  # redundant: it copies its input
            nn.init.dirac_(self.g_s[0].weight)
            nn.init.zeros_(self.g_s[0].bias)
"""

HUNGRY = """
    class Hungry(Net):
        planes = 16  # of an image's size, that the decoder holds for a while

        def decompress(self, strings, shape):
            held = torch.ones(self.planes, *shape)
            decoded = super().decompress(strings, shape)
            return {"x_hat": decoded["x_hat"] * held.mean()}

    class Hungrier(Hungry):
        planes = 22

    class Leaking(Net):
        kept = []

        def compress(self, x):
            self.kept.append(torch.ones(2**19))  # 2 MiB
            return super().compress(x)

    class Keeping(Net):
        seen = {}

        def compress(self, x):
            self.seen[float(x[..., 0, :].sum())] = x  # 0.75 MiB, once an image
            return super().compress(x)
"""


def complexity(project: Project, *arguments: str) -> pytest.RunResult:
    return project.run("-m", "complexity", "--lic-codec", "net", "-q", *arguments)


def recorded(project: Project) -> Path:
    write_network(project)
    result = complexity(project, "--lic-update-missing")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        ["*net, quality 1, complexity: first recorded: encoder 0.024 kMAC/pixel, decoder 0.024 *"]
    )
    return project.path / "baselines" / "net.json"


def test_a_redundant_convolution_is_caught_by_its_stage(small: Project) -> None:
    recorded(small)
    assert complexity(small, "--lic-strict").ret == 0
    write_network(small, SLOWER, "Slower")
    result = complexity(small)
    assert failing(result) == {"test_complexity"}
    # 64 multiply-accumulates for each 16 pixels of an image.
    result.stdout.fnmatch_lines(
        [
            "*net-q1-conformance-native-b1-cpu: regressed: it takes more than is recorded; *"
            "record it: pytest * -m complexity --lic-codec net --lic-quality 1 --lic-update*",
            "*decoder, synthesis: 0.024 → 0.028 kMAC/pixel*",
            "*decoder: 0.024 → 0.028 kMAC/pixel*",
            "*weights: 779 → 851 parameters*",
            "*complexity: 2 qualities: 2 take more than they may*",
        ]
    )
    result.stdout.no_fnmatch_line("*encoder*→*")


def test_an_update_records_it_and_less_than_that_is_an_improvement(small: Project) -> None:
    path = recorded(small)
    before = path.read_bytes()
    write_network(small, SLOWER, "Slower")
    assert complexity(small, "--lic-update-missing").ret != 0
    assert path.read_bytes() == before
    result = complexity(small, "--lic-update")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*net, quality 2, complexity: regressed: *decoder 0.028 kMAC*"])
    stored = json.loads(path.read_text())["complexity"]
    assert stored["1"]["decoder"] == {"synthesis": 0.028}
    write_network(small)
    result = complexity(small)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*2 take less than is recorded, record it with --lic-update*"])


def test_what_is_recorded_of_rates_stays_as_it_was(small: Project) -> None:
    write_network(small)
    arguments = ("--lic-codec", "net", "-q", "--lic-update-missing")
    assert small.run("-m", "rd", *arguments).ret == 0
    path = small.path / "baselines" / "net.json"
    before = path.read_text().splitlines()
    result = complexity(small)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*2 recorded nowhere until now (--lic-update-missing *)*"])
    assert small.run("-m", "rd or complexity", *arguments).ret == 0
    after = path.read_text().splitlines()
    assert [line for line in before if line not in after] == []
    assert '"complexity": {' in "".join(after)


def test_a_codec_without_torch_is_passed_over_with_the_reason(small: Project) -> None:
    result = small.run("-m", "complexity", "--lic-quality=3", "-q", "-rs", "--lic-require=toy")
    assert result.ret == 0
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*complexity: 1 quality: 1 not applicable*",
            "*complexity is not applicable: it computes nothing in torch*",
        ]
    )


def test_workers_send_what_they_counted(small: Project) -> None:
    recorded(small)
    write_network(small, SLOWER, "Slower")
    path = small.path / "found.json"
    result = complexity(small, "-n", "2", f"--lic-json={path}")
    assert result.ret == 1
    found = json.loads(path.read_text())["complexity"]
    assert [one["quality"] for one in found] == ["1", "2"]
    assert found[0]["comparison"]["verdict"] == "regressed"
    assert found[0]["measured"]["decoder"] == {"synthesis": 0.028}
    assert found[0]["baseline"]["decoder"] == {"synthesis": 0.024}


def memory(project: Project, *arguments: str) -> pytest.RunResult:
    return project.run("-m", "memory", "--lic-codec", "net", "--lic-quality=1", "-q", *arguments)


def test_a_decoder_whose_peak_grew_a_fifth_is_caught_by_name(small: Project) -> None:
    write_network(small, HUNGRY, "Hungry")
    result = memory(small, "--lic-update-missing")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*net, quality 1, memory: first recorded: encoder * at 512×512*"])
    before = small.path.joinpath("baselines", "net.json").read_bytes()
    result = memory(small)
    assert result.ret == 0, result.stdout.str()
    write_network(small, HUNGRY, "Hungrier")
    result = memory(small)
    assert failing(result) == {"test_memory"}
    result.stdout.fnmatch_lines(
        [
            "*net-q1-conformance-native-b1-cpu: regressed: it takes more memory than is recorded; "
            "if that is meant, record it: pytest * -m memory --lic-codec net --lic-quality 1 "
            "--lic-update*",
            "*decoder, 512×512: * → * MiB (+2*.* %, tolerance 10 % and 1.0 MiB)*",
            "*decoder, per megapixel: *",
            "*memory: 1 quality: 1 take more than they may*",
        ]
    )
    result.stdout.no_fnmatch_line("*encoder*→*")
    assert small.path.joinpath("baselines", "net.json").read_bytes() == before
    assert memory(small, "--lic-memory-tolerance=50").ret == 0


def test_a_leak_is_caught_by_name_though_nothing_is_recorded(small: Project) -> None:
    write_network(small, HUNGRY, "Leaking")
    path = small.path / "found.json"
    result = memory(small, f"--lic-json={path}")
    assert failing(result) == {"test_memory"}
    result.stdout.fnmatch_lines(["*encoder, kept of each image: 0.0 → 2.0 MiB*"])
    result.stdout.no_fnmatch_line("*decoder, kept*")
    (found,) = json.loads(path.read_text())["memory"]
    assert found["baseline"] is None
    assert found["measured"]["decoder"]["growth"] < 2**14


def test_a_codec_that_keeps_what_it_was_given_leaks(small: Project) -> None:
    write_network(small, HUNGRY, "Keeping")
    result = memory(small)
    assert failing(result) == {"test_memory"}
    result.stdout.fnmatch_lines(["*encoder, kept of each image: 0.0 → 0.8 MiB*"])


def test_memory_is_measured_only_where_it_is_named(small: Project) -> None:
    collected = small.run("--collect-only", "-q", "--lic-quality=1").stdout
    collected.fnmatch_lines(["*no memory is measured; -m memory measures it*"])
    collected.no_fnmatch_line("*test_memory*")
    collected = small.run("--collect-only", "-q", "--lic-quality=1", "-m", "not rd").stdout
    collected.no_fnmatch_line("*test_memory*")
    collected = small.run("--collect-only", "-q", "--lic-quality=1", "-m", "rd or memory").stdout
    collected.fnmatch_lines(["*test_memory*"])
