"""CompressAI's decoder behind the guard: the same symbols, and no byte past a string."""

from __future__ import annotations

import subprocess
import sys

import pytest
from compressai import ans

from pytest_lic.adapters.network.rans_guard import RansGuard, guard_rans, guarded
from pytest_lic.errors import (
    BitstreamError,
    CodecError,
    CorruptBitstreamError,
    TruncatedBitstreamError,
)
from tests.helpers.rans_messages import coded

SMALL = {"at_once": 100, "at_once_of_stream": 70}


@pytest.mark.parametrize("seed", range(20))
def test_symbols_are_the_librarys(seed: int) -> None:
    string, symbols, indexes, held = coded(seed)
    guard = RansGuard(ans.RansDecoder, **SMALL)
    assert guard.decode_with_indexes(string, indexes, *held) == symbols
    decoder = ans.RansDecoder()
    guard.set_stream(decoder, string)
    decoded: list[int] = []
    for count in (1, 2, 0, 197, 799, 1):
        part = indexes[len(decoded) : len(decoded) + count]
        decoded += guard.decode_stream(decoder, part, *held)
    assert decoded == symbols


def test_networks_are_guarded_wherever_their_class_came_from() -> None:
    guard_rans()
    from compressai.models.google import RansDecoder

    with pytest.raises(BitstreamError, match="a string of 5 bytes; expected a multiple of 4"):
        RansDecoder().decode_with_indexes(b"12345", [0], [[0, 1 << 15, 1 << 16]], [3], [0])
    with pytest.raises(CodecError, match="decode_stream without set_stream"):
        RansDecoder().decode_stream([0], [[0, 1 << 15, 1 << 16]], [3], [0])


@pytest.mark.parametrize("string", [b"", b"\0" * 4, b"\1" * 9, b"\0" * 8, b"\xff" * 8])
def test_what_the_encoder_never_writes_is_refused(string: bytes) -> None:
    with pytest.raises(BitstreamError, match=r"a string of|a state that the coder is never in"):
        guarded(string, 1)


@pytest.mark.parametrize("wrong", [-1, 7, -(2**31)])
def test_an_index_of_no_table_is_an_error(wrong: int) -> None:
    string, _, indexes, held = coded(0)
    with pytest.raises(CodecError, match=rf"table indices run from .*{wrong}.*tables 0 to 6"):
        RansGuard(ans.RansDecoder).decode_with_indexes(string, [*indexes, wrong], *held)


def test_many_symbols_do_not_come_out_of_a_few_bytes() -> None:
    """So that a header which claims a large image is found out before the image is made."""
    string, _, indexes, held = coded(3)
    guard = RansGuard(ans.RansDecoder, **SMALL)
    with pytest.raises(
        TruncatedBitstreamError, match=rf"{len(string)} bytes for symbols that take"
    ):
        guard.decode_with_indexes(string, indexes * 1000, *held)
    decoder = ans.RansDecoder()
    guard.set_stream(decoder, string)
    with pytest.raises(TruncatedBitstreamError):
        all(guard.decode_stream(decoder, indexes, *held) for _ in range(1000))


def test_a_run_of_ones_gets_as_many_zeros_as_it_can_ask_for() -> None:
    """15 nibbles of an escape's value for each nibble of the run, at half a byte each."""
    plain = b"\0" * 7 + b"\1" + bytes(4096)
    run = b"\0" * 7 + b"\1" + b"\xff" * 4096
    assert len(guarded(run, 1)) - len(guarded(plain, 1)) >= 4096 * 2 * 15 / 2


@pytest.mark.parametrize("kind", ["bmshj2018-factorized", "mbt2018"])
def test_thousands_of_damaged_strings_end_in_no_crash(kind: str) -> None:
    """In a process of its own, since what it is about is that process's death."""
    code = f"""
import random
import torch
from compressai.zoo import image_models
from pytest_lic.adapters.network.rans_guard import guard_rans
from pytest_lic.errors import BitstreamError
torch.manual_seed(0)
guard_rans()
network = image_models[{kind!r}](1, pretrained=False).eval()
network.update(force=True)
with torch.inference_mode():
    coded = network.compress(torch.rand(1, 3, 64, 64))
random_ = random.Random(0)
network.g_s = torch.nn.Identity()  # entropy decoding is what this is about
refused = decoded = 0
for _ in range({2000 if "fact" in kind else 40}):
    strings = [bytearray(string[0]) for string in coded["strings"]]
    damaged = random_.choice(strings)
    for _ in range(random_.choice([1, 10, 1000])):
        damaged[random_.randrange(len(damaged))] = random_.choice([0, 255, random_.randrange(256)])
    del damaged[random_.choice([len(damaged), len(damaged) // 2, 8]) :]
    try:
        with torch.inference_mode():
            network.decompress([[bytes(string)] for string in strings], coded["shape"])
        decoded += 1
    except BitstreamError:
        refused += 1
print(decoded, refused)
"""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600
    )
    assert found.returncode == 0, found.stderr[-2000:]
    decoded, refused = map(int, found.stdout.split())
    assert decoded > 0
    assert refused > 0


def test_a_string_that_is_not_read_to_its_end_is_out_of_step() -> None:
    string, _, indexes, held = coded(4)
    guard = RansGuard(ans.RansDecoder, **SMALL)
    message = rf"out of step: the decoder read [\d,]+ of {len(string):,} bytes"
    with pytest.raises(CorruptBitstreamError, match=message), guard.in_step([string], set()):
        guard.decode_with_indexes(string, indexes[:-100], *held)


def test_a_string_that_is_read_to_its_end_is_in_step_however_often() -> None:
    string, symbols, indexes, held = coded(5)
    guard = RansGuard(ans.RansDecoder, **SMALL)
    with guard.in_step([string], set()):
        decoder = ans.RansDecoder()
        guard.set_stream(decoder, string)
        guard.decode_stream(decoder, indexes[:5], *held)  # looks at the beginning first
        assert guard.decode_with_indexes(string, indexes, *held) == symbols


@pytest.mark.parametrize("buffered", [True, False])
def test_other_symbols_than_were_encoded_are_out_of_step(buffered: bool) -> None:
    """Where the wrong table reads as many bytes, only the symbols tell."""

    class Encoder(ans.RansEncoder):
        pass

    class Buffered(ans.BufferedRansEncoder):
        pass

    _, symbols, indexes, held = coded(6)
    guard = RansGuard(ans.RansDecoder, **SMALL)
    guard.written.watch(Encoder, Buffered)
    if buffered:
        encoder = Buffered()
        for part in (slice(0, 300), slice(300, None)):
            encoder.encode_with_indexes(symbols[part], indexes[part], *held)
        string = encoder.flush()
    else:
        string = Encoder().encode_with_indexes(symbols, indexes, *held)
    with guard.in_step([string], set()):
        assert guard.decode_with_indexes(string, indexes, *held) == symbols
    cdfs, sizes, offsets = held
    other = RansGuard(ans.RansDecoder, **SMALL)
    other.written = guard.written
    message = rf"out of step: symbol 0 of 1,000 is decoded as {symbols[0] + 1}, encoded as "
    with pytest.raises(CorruptBitstreamError, match=message), other.in_step([string], set()):
        other.decode_with_indexes(string, indexes, cdfs, sizes, [each + 1 for each in offsets])


def test_equal_strings_of_different_messages_are_in_step() -> None:
    """With tables that begin at another symbol, as two qualities may have."""

    class Encoder(ans.RansEncoder):
        pass

    class Buffered(ans.BufferedRansEncoder):
        pass

    guard = RansGuard(ans.RansDecoder, **SMALL)
    guard.written.watch(Encoder, Buffered)
    alike = [([[0, 40000, 65000, 65536]], [4], [first]) for first in (0, 5)]
    messages = [[0, 1, 0], [5, 6, 5]]
    strings = [
        Encoder().encode_with_indexes(message, [0] * 3, *held)
        for message, held in zip(messages, alike, strict=True)
    ]
    assert strings[0] == strings[1]
    with guard.in_step(strings, set()):
        for message, held in zip(messages, alike, strict=True):
            assert guard.decode_with_indexes(strings[0], [0] * 3, *held) == message


def test_a_string_that_a_codec_lengthened_is_its_own_affair() -> None:
    """As `RansCoder` does, which looks by itself whether it came to the end."""
    string, symbols, indexes, held = coded(7)
    guard = RansGuard(ans.RansDecoder, **SMALL)
    with guard.in_step([string], set()):
        assert guard.decode_with_indexes(string + b"\1" * 64, indexes, *held) == symbols
