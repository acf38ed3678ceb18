"""Decoders that do what they may not with a damaged bitstream, in a process that may die of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_lic.checks.hostile.outcome import Outcome, Tally, keep
from pytest_lic.checks.hostile.process import HostileProcess
from pytest_lic.errors import CodecError
from pytest_lic.project.discovery import Origin
from pytest_lic.report.terminal.hostile import SHOWN, hostile_text
from tests.helpers.toy_project import Project

PROJECT = '''
import os, signal, time
import torch
from pytest_lic import CodecFamily
from pytest_lic.container import Bitstream, pack, unpack
from pytest_lic.errors import CorruptBitstreamError


class Careful:
    """Pixels as they are; whatever its header and its length do not agree on is refused."""

    def encode(self, images):
        _, _, height, width = images.shape
        levels = (images * 255).round().to(torch.uint8)
        return [
            pack(Bitstream(b"abcd", height, width, (each.numpy().tobytes(),))) for each in levels
        ]

    def decode(self, bitstreams):
        return torch.stack([self.image(each) for each in bitstreams])

    def image(self, bitstream):
        stream = unpack(bitstream, fingerprint=b"abcd")
        if len(stream.sections) != 1 or len(stream.sections[0]) != 3 * stream.height * stream.width:
            raise CorruptBitstreamError("not as many pixels as the header tells")
        return self.pixels(stream)

    def pixels(self, stream):
        flat = torch.frombuffer(bytearray(stream.sections[0]), dtype=torch.uint8)
        return flat.reshape(3, stream.height, stream.width) / 255


def meets_damage(stream):
    """Whether more pixels are black or white than in any of the intact images."""
    return stream.sections[0].count(0) + stream.sections[0].count(255) > 40


class Crashes(Careful):
    def pixels(self, stream):
        if meets_damage(stream):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().pixels(stream)


class Hangs(Careful):
    def pixels(self, stream):
        if meets_damage(stream):
            time.sleep(1000)
        return super().pixels(stream)


class Careless(Careful):
    """Believes its header."""

    def image(self, bitstream):
        stream = unpack(bitstream)
        flat = torch.zeros(3 * stream.height * stream.width)
        read = torch.frombuffer(bytearray(b"".join(stream.sections) or b"0"), dtype=torch.uint8)
        count = min(len(flat), len(read))
        flat[:count] = read[:count] / 255
        return flat.reshape(3, stream.height, stream.width)


class Greedy(Careless):
    def image(self, bitstream):
        stream = unpack(bitstream)
        torch.ones(6000, stream.height, stream.width)
        return super().image(bitstream)


class SameSize(Careful):
    def image(self, bitstream):
        return super().image(bitstream)[:, :48, :64]


class Untyped(Careful):
    def image(self, bitstream):
        stream = unpack(bitstream)
        return torch.frombuffer(bytearray(stream.sections[0]), dtype=torch.uint8).reshape(
            3, stream.height, stream.width
        ) / 255


class NotANumber(Careful):
    def pixels(self, stream):
        return super().pixels(stream) / (0 if meets_damage(stream) else 1)


class Keeps(Careful):
    kept = []

    def image(self, bitstream):
        self.kept.append(bytes(200 * 2**20))
        return super().image(bitstream)


class CannotCode(Careful):
    def decode(self, bitstreams):
        raise CorruptBitstreamError("never")


def pytest_lic_codecs():
    for kind in (
        Careful, Crashes, Hangs, Careless, Greedy, SameSize, Untyped, NotANumber, Keeps, CannotCode
    ):
        yield CodecFamily(
            kind.__name__, ["1"], build=lambda quality, device, kind=kind: kind(), devices=["cpu"]
        )
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "conftest.py").write_text(PROJECT)
    return folder


@pytest.fixture(scope="module")
def child(project: Path) -> Iterator[HostileProcess]:
    with HostileProcess(Origin(str(project), (), tuple(sys.path)), timeout=20) as process:
        yield process


def counts(tally: Tally) -> set[Outcome]:
    return {outcome for outcome, count in tally.counts.items() if count}


def test_a_careful_decoder_passes(child: HostileProcess) -> None:
    tally = child.decode("Careful", "1", "cpu", range(300))
    assert sum(tally.counts.values()) == 300
    assert counts(tally) == {Outcome.REFUSED, Outcome.IMAGE}
    assert not tally.failures


@pytest.mark.parametrize(
    ("codec", "outcome", "words"),
    [
        ("Crashes", Outcome.CRASHED, "killed by signal 11"),
        ("Greedy", Outcome.OVER_ALLOCATED, "can't allocate memory"),
        ("Keeps", Outcome.LEAKED, "2.1 GiB are held after 11 bitstreams"),
        ("SameSize", Outcome.WRONG_IMAGE, "an image of 64×48; its header tells 64×64"),
        ("Untyped", Outcome.UNTYPED_ERROR, "RuntimeError: shape '["),
        ("NotANumber", Outcome.WRONG_IMAGE, "values that are not finite"),
    ],
)
def test_what_a_decoder_may_not_do_is_caught(
    child: HostileProcess, codec: str, outcome: Outcome, words: str
) -> None:
    tally = child.decode(codec, "1", "cpu", range(200))
    assert sum(tally.counts.values()) == 200  # it goes on behind what it died of
    assert counts(tally) <= {Outcome.REFUSED, Outcome.IMAGE, outcome}
    assert tally.counts[outcome] == len(tally.failures) > 0
    assert words in tally.failures[0].words
    paths = [keep(codec, "1", failure) for failure in tally.failures[:SHOWN]]
    text = hostile_text(tally, paths)
    assert f"of 200 damaged bitstreams {len(tally.failures)}: {outcome.value}" in text
    assert words in text
    kept = Path(text.split("kept as ")[1].splitlines()[0])
    assert kept.read_bytes() == tally.failures[0].bitstream


def test_a_decoder_that_hangs_is_ended_and_the_next_bitstream_is_decoded(project: Path) -> None:
    with HostileProcess(Origin(str(project), (), tuple(sys.path)), timeout=20) as process:
        start, tally = 0, Tally()
        while not tally.failures:
            tally = process.decode("Hangs", "1", "cpu", range(start, start + 4))
            start += 4
        process._timeout = 5.0  # it has started
        many = process.decode("Hangs", "1", "cpu", range(start, start + 1000))
    assert sum(tally.counts.values()) == 4
    assert {failure.outcome for failure in tally.failures} == {Outcome.HUNG}
    assert "over 20 s" in tally.failures[0].words
    assert many.counts[Outcome.HUNG] == 3
    assert sum(many.counts.values()) + many.untried == 1000
    assert f"3: hung; {many.untried} more were not tried" in hostile_text(many, [])


def test_the_same_numbers_give_the_same_bitstreams(child: HostileProcess) -> None:
    first = child.decode("Untyped", "1", "cpu", range(60))
    again = child.decode("Untyped", "1", "cpu", range(20, 60))
    assert again.failures == [each for each in first.failures if each.number >= 20]


def test_a_codec_that_can_not_code_at_all_is_an_error(child: HostileProcess) -> None:
    with pytest.raises(CodecError, match="in a fresh process: CorruptBitstreamError: never"):
        child.decode("CannotCode", "1", "cpu", range(3))


def test_the_suite_passes_on_a_codec_with_typed_errors(small: Project) -> None:
    result = small.run("-m", "hostile", "--lic-hostile=40", "-q")
    assert result.ret == 0, result.stdout.str()
    assert result.parseoutcomes()["passed"] == 5


def test_the_suite_fails_and_names_the_bitstream(small: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                stream = unpack(bitstreams[0], fingerprint=self.fingerprint)
                zlib.decompress(stream.sections[0])
                return super().decode(bitstreams)
    """
    small.write_codec(change, codec="Broken")
    result = small.run("-m", "hostile", "--lic-quality=3", "--lic-hostile=40", "-q")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*toy-q3-*-cpu: of 40 damaged bitstreams *: an untyped error",
            "*number * (*): an untyped error: error: Error -3 while decompressing data*",
            "*kept as *toy-q3-*.bin",
            "*raise an error of pytest_lic.errors, such as CorruptBitstreamError",
        ]
    )
    assert "Traceback" not in result.stdout.str()
