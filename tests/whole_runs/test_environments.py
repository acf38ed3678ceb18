"""`--lic-environments` from the command line to the summary, with codecs that break elsewhere."""

from __future__ import annotations

import re

import pytest

from tests.helpers.toy_project import Project

THREADS = "--lic-environments=threads-2"
COMPARE = ("-m", "determinism", "-k", "environments", "--lic-quality=1")

# A hyperprior as small as it can be: each block's spread is sent along, and from it either side
# computes, in float32, which of some tables codes the block's samples. The prediction lies on the
# edge between two tables, as some of the 50,000 of a real network do.
HYPERPRIOR = """
import zlib

import torch
from torch import nn

from pytest_lic.adapters.compressai import compressai_family


class Hyperprior(nn.Module):
    def __init__(self):
        super().__init__()
        self.g_s = nn.Upsample(scale_factor=8)
        self.factor = nn.Parameter(torch.ones(1))

    def scales(self, spreads):
        scales = spreads.float() * self.factor
        return scales * (1 - NUDGE) if torch.get_num_threads() == 2 else scales

    def bits(self, spreads):
        return torch.floor(self.scales(spreads)).int().flatten().tolist()

    def compress(self, x):
        levels = nn.functional.avg_pool2d(x, 8).mul(255).round().int()[0]
        means = nn.functional.avg_pool2d(levels.float()[None], 8).round().int()[0]
        blocks = levels.unfold(1, 8, 8).unfold(2, 8, 8).flatten(3) - means[..., None]
        spreads = 1 + torch.frexp(blocks.abs().amax(3).float() + 0.5)[1]
        half = 2 ** (spreads[..., None] - 1)
        texts = [
            format(int(value), f"0{count}b")
            for block, count in zip((blocks + half).reshape(-1, 64), self.bits(spreads))
            for value in block
        ]
        side = bytes(means.flatten().tolist()) + bytes(spreads.flatten().tolist())
        return {"strings": [["".join(texts).encode()], [side]], "shape": list(spreads.shape)}

    def decompress(self, strings, shape):
        size = shape[0] * shape[1] * shape[2]
        side = torch.frombuffer(bytearray(strings[1][0]), dtype=torch.uint8).int()
        means, spreads = side[:size].reshape(shape), side[size:].reshape(shape)
        text, blocks = strings[0][0].decode(), []
        for count, spread in zip(self.bits(spreads), spreads.flatten().tolist()):
            part, text = text[: 64 * count], text[64 * count :]
            values = [int(part[i : i + count] or "0", 2) for i in range(0, 64 * count, count)]
            blocks.append([value - 2 ** (spread - 1) for value in values])
        grid = torch.tensor(blocks).reshape(*shape, 8, 8) + means[..., None, None]
        levels = grid.permute(0, 1, 3, 2, 4).reshape(1, shape[0], 8 * shape[1], 8 * shape[2])
        return {"x_hat": self.g_s(levels.float() / 255)}


def pytest_lic_codecs():
    yield compressai_family("toy", Hyperprior, ["1"])
"""


def hyperprior(project: Project, nudge: str) -> None:
    """Let the project's codec be `HYPERPRIOR`, its scales off by a factor of ``nudge``."""
    (project.path / "conftest.py").write_text(HYPERPRIOR.replace("NUDGE", nudge))


def test_nothing_is_compared_unless_asked_for(small: Project) -> None:
    result = small.run("-m", "determinism", "--collect-only", "-q", "--lic-quality=1")
    result.stdout.no_fnmatch_line("*test_environments*")
    result.stdout.fnmatch_lines(["*test_other_threads*"])
    result = small.run(*COMPARE)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["lic: no environments are compared; --lic-environments all *"])


def test_environments_that_agree_pass_with_a_matrix(small: Project) -> None:
    result = small.run(*COMPARE[:4], THREADS, "--lic-quality=1,2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "toy between environments: 4 images (2 cells)*",
            "encoder ╲ decoder*here*threads-2*",
            "here*4 =*4 =*",
            "threads-2*4 =*4 =*",
            "*broken: none*",
            "rows encode, columns decode:*",
            "here: as the run itself; threads-2: 2 CPU threads*",
        ]
    )


def test_a_prior_perturbed_by_a_millionth_is_broken_and_no_loss_of_quality(small: Project) -> None:
    hyperprior(small, "1e-6")
    assert small.run("-m", "rd", "--lic-update", "--lic-quality=1").ret == 0
    result = small.run(
        "-m", "rd or determinism", "-k", "point or environments", THREADS, "--lic-quality=1"
    )
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    assert "regressed" not in text
    result.stdout.fnmatch_lines(
        [
            "*toy-q1-images-native-b1-cpu: out of step between environments: 2 of 2 images break*",
            "*encoded in here, decoded in threads-2: 2 of 2 broken, first photo0.png: *",
            "here *2 = *2 broken*",
            "threads-2 *2 broken *2 =*",
            "*broken: 2 of 2 images*",
        ]
    )
    assert re.search(
        r"decoded in threads-2: 2 of 2 broken, first photo0.png: \d+ of \d+ latents differ, first "
        r"at channel 0, row 0, column 0: \S+ in here, \S+ in threads-2",
        text,
    )


def test_latents_are_told_where_the_decoder_gives_no_image(small: Project) -> None:
    hyperprior(small, "1e-6")
    source = (small.path / "conftest.py").read_text()
    fails = "levels.float() / (0 if torch.get_num_threads() == 2 else 255)"
    (small.path / "conftest.py").write_text(source.replace("levels.float() / 255", fails))
    result = small.run(*COMPARE, THREADS)
    result.assert_outcomes(failed=1)
    assert re.search(
        r"encoded in here, decoded in threads-2: 2 of 2 broken, first photo0.png: \d+ of \d+ "
        r"latents differ, .*; in a fresh process \(threads-2\): .* not finite",
        result.stdout.str(),
    )


def test_the_same_prior_unperturbed_passes(small: Project) -> None:
    hyperprior(small, "0.0")
    result = small.run(*COMPARE, THREADS)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*broken: none*"])


def test_an_unknown_environment_is_refused_at_once(small: Project) -> None:
    result = small.run(*COMPARE, "--lic-environments=treads-2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--lic-environments: no environment is named 'treads-2'; did you mean threads-2*"]
    )


def test_what_a_codec_does_not_know_is_said_once_and_fails_where_required(small: Project) -> None:
    result = small.run(*COMPARE, "--lic-environments=contiguous")
    result.assert_outcomes(passed=1)
    text = result.stdout.str()
    assert text.count("contiguous unavailable: toy has one memory format only") == 1
    result = small.run(*COMPARE, "--lic-environments=contiguous", "--lic-require=contiguous")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*contiguous is required, but unavailable: toy has one memory*"])


def test_a_requirement_that_is_not_compared_is_refused(small: Project) -> None:
    result = small.run(*COMPARE, THREADS, "--lic-require=oldest")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--lic-require oldest: this run does not ask for it at all*"])


def test_a_decoder_that_dies_or_hangs_elsewhere_is_broken_and_named(small: Project) -> None:
    change = """
        import os, time

        class Broken(Toy):
            def decode(self, bitstreams):
                if torch.get_num_threads() == 2:
                    os.kill(os.getpid(), 11) if self.step == 40 else time.sleep(60)
                return super().decode(bitstreams)
    """
    small.write_codec(change, codec="Broken", fingerprint="lambda quality: 'broken'")
    result = small.run(*COMPARE[:4], THREADS, "--lic-quality=1,2", "--lic-timeout=8")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*toy-q1-*encoded in here, decoded in threads-2: 2 of 2 broken, first photo0.png: in a "
            "fresh process (threads-2): it died while decoding photo0.png: killed by signal 11*",
            "*toy-q2-*encoded in here, decoded in threads-2: 2 of 2 broken, first photo0.png: *"
            "decoding photo0.png took over 8 s and was stopped*",
        ]
    )


def test_matrices_travel_from_workers(small: Project) -> None:
    result = small.run(*COMPARE[:4], THREADS, "--lic-quality=1,2", "-n2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["toy between environments: 4 images (2 cells)*", "here*4 =*4 =*"])


def test_weights_drawn_while_building_are_a_finding_of_their_own(small: Project) -> None:
    """torch's seeded normal numbers are others under older instructions."""
    drawn = "        self.drawn = nn.Parameter(torch.randn(256))\n\n    def scales"
    source = HYPERPRIOR.replace("NUDGE", "0").replace("\n    def scales", drawn, 1)
    (small.path / "conftest.py").write_text(source)
    result = small.run(*COMPARE, "--lic-environments=oldest")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*toy-q1-images-native-b1-cpu: another network in other environments, not out of step: "
            "others than in here are its weights in oldest. Weights drawn at random while building "
            "are others where instructions are others, even of one seed, *load both from a file*",
            "*broken: none*",
        ]
    )
    result.stdout.no_fnmatch_line("*images break*")
