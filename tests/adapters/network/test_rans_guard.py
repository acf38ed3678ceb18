"""CompressAI's decoder behind the guard: the same symbols, and no byte past a string."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
from compressai import ans

from pytest_lic.adapters.network.rans_guard import RansGuard, guard_rans, guarded
from pytest_lic.errors import BitstreamError, CodecError, TruncatedBitstreamError

SMALL = {"at_once": 100, "at_once_of_stream": 70}
Coded = tuple[bytes, list[int], list[int], tuple[list[list[int]], list[int], list[int]]]


def tables(random_: random.Random, count: int) -> tuple[list[list[int]], list[int], list[int]]:
    """Some tables of a few symbols and an escape, padded to one length as CompressAI's are."""
    cdfs = []
    for _ in range(count):
        inner = random_.sample(range(1, 1 << 16), random_.randrange(1, 12))
        cdfs.append([0, *sorted(inner), 1 << 16])
    sizes = list(map(len, cdfs))
    offsets = [random_.randrange(-5, 5) for _ in cdfs]
    return [cdf + [0] * (max(sizes) - len(cdf)) for cdf in cdfs], sizes, offsets


def coded(seed: int, count: int = 1000) -> Coded:
    """A message of CompressAI's encoder, some of whose symbols are outside their tables."""
    random_ = random.Random(seed)
    held = tables(random_, 7)
    indexes = [random_.randrange(7) for _ in range(count)]
    symbols = [
        held[2][index] + random_.choice([random_.randrange(-3, 14), random_.randrange(-9999, 9999)])
        for index in indexes
    ]
    encoder = ans.BufferedRansEncoder()
    encoder.encode_with_indexes(symbols, indexes, *held)
    return encoder.flush(), symbols, indexes, held


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


def test_information_is_what_the_encoder_wrote() -> None:
    """Else an intact stream could be taken for a short one, or a short one for intact."""
    from pytest_lic.adapters.network.rans_guard import _Information

    for seed in range(10):
        string, symbols, indexes, held = coded(seed, 20_000)
        bits = _Information().bits(symbols, indexes, held)
        assert np.isclose(bits, 8 * len(string) - 31, atol=33 + 1e-4 * len(symbols))
        assert bits <= 8 * len(string)
