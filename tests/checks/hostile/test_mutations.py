"""Bitstreams changed on purpose: in every way, the same again, and small when they are shrunk."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import find, given, settings

from pytest_lic.checks.hostile.mutations import (
    MUTATIONS,
    Mutated,
    is_intact,
    mutated,
    resealed,
)
from pytest_lic.container import Bitstream, pack, unpack
from pytest_lic.errors import BitstreamError
from pytest_lic.strategies import mutated_bitstreams

STREAMS = [
    pack(Bitstream(b"abcd", 64, 48, (bytes(range(40)), b"second section"))),
    pack(Bitstream(b"abcd", 17, 48, (b"first section", bytes(range(200, 250))))),
]
FILE = b"\xff\xd8 some other format" * 9


def made(seed: int, stream: bytes = STREAMS[0]) -> Mutated:
    return mutated(stream, STREAMS, random.Random(seed))


def test_every_way_occurs_and_the_checksum_is_repaired_or_not() -> None:
    ways = Counter(way for seed in range(2000) for way in made(seed).ways)
    assert set(ways) == {*MUTATIONS, "checksum repaired"}
    assert min(ways.values()) > 50


def test_other_formats_are_changed_as_bytes() -> None:
    ways = {way for seed in range(500) for way in made(seed, FILE).ways}
    assert "bits flipped" in ways
    assert not ways & {"section damaged", "sections moved", "length edited", "size edited"}


def test_the_same_seed_gives_the_same_bitstream() -> None:
    assert [made(seed) for seed in range(50)] == [made(seed) for seed in range(50)]


@pytest.mark.parametrize("stream", [b"", b"\xd1", *STREAMS, FILE])
def test_whatever_is_changed_can_be_changed_again(stream: bytes) -> None:
    for seed in range(300):
        changed = stream
        for step in range(5):
            changed = made(1000 * seed + step, changed).bitstream


def test_repaired_streams_get_past_the_checksum() -> None:
    """Or the decoders behind it would never see any."""
    passed = 0
    for seed in range(500):
        changed = made(seed)
        if changed.ways[-1] == "checksum repaired":
            assert resealed(changed.bitstream) == changed.bitstream
        try:
            unpack(changed.bitstream, fingerprint=b"abcd")
        except BitstreamError:
            continue
        passed += changed.bitstream not in STREAMS
    assert passed > 100


def test_edited_sizes_and_lengths_are_what_the_header_tells() -> None:
    sizes = set()
    for seed in range(200):
        edited = MUTATIONS["size edited"](STREAMS[0], STREAMS, random.Random(seed))
        if is_intact(edited):
            stream = unpack(edited, max_pixels=0xFFFF**2)
            assert stream.sections == unpack(STREAMS[0]).sections
            sizes.add((stream.height, stream.width))
    assert (0xFFFF, 48) in sizes
    assert (64, 47) in sizes
    for seed in range(50):
        edited = MUTATIONS["length edited"](STREAMS[0], STREAMS, random.Random(seed))
        assert edited[:12] == STREAMS[0][:12]


@settings(deadline=None, derandomize=True)
@given(mutated_bitstreams(STREAMS))
def test_the_container_refuses_or_reads_whatever_hypothesis_makes(changed: Mutated) -> None:
    try:
        stream = unpack(changed.bitstream)
    except BitstreamError:
        return
    assert pack(stream) == changed.bitstream


def test_what_fails_shrinks_to_one_small_change() -> None:
    """Here: a reader that takes any second section for intact."""
    intact = unpack(STREAMS[0])

    def misread(changed: Mutated) -> bool:
        try:
            stream = unpack(changed.bitstream)
        except BitstreamError:
            return False
        return stream.sections[1:] != intact.sections[1:]

    found = find(mutated_bitstreams(STREAMS[:1]), misread, settings=settings(derandomize=True))
    assert len([way for way in found.ways if way != "checksum repaired"]) == 1
