"""What ``benchmarks/fuzz_bitstreams.py`` found: what crashed a decoder, or took too much memory.

The bitstreams are in ``tests/data/hostile``; add to them whatever it finds.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from compressai import ans

from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.adapters.network.rans_guard import RansGuard, guarded
from pytest_lic.adapters.network.value_packing import MAX_TENSOR_BYTES, pack_value, unpack_value
from pytest_lic.container import Bitstream, pack, unpack
from pytest_lic.errors import AbsurdSizeError, BitstreamError, TruncatedBitstreamError
from pytest_lic.timing.peak_memory import PeakMemory, peak_memory
from tests.helpers.places import BENCHMARKS, DATA

DAMAGED = DATA / "hostile"
RANS = json.loads((DAMAGED / "rans.json").read_text())
TABLES = (RANS["cdfs"], RANS["sizes"], RANS["offsets"])
# One table, whose escape the first symbol is; then 65,536 bytes that ask for 15 times as many.
GREEDY = bytes.fromhex("73a9be74cd5d7a6e") + b"\xff" * 65536
GREEDY_TABLE = ([[0, 40000, 65000, 65536]], [4], [0])


@pytest.fixture(scope="module")
def reference() -> Any:
    """A decoder that counts what it reads, and reads zeros behind a string's end."""
    path = BENCHMARKS / "rans_guard.py"
    spec = importlib.util.spec_from_file_location("rans_guard_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Reference


@pytest.mark.parametrize("number", range(len(RANS["strings"])))
def test_strings_that_were_read_beyond_their_end(reference: Any, number: int) -> None:
    stored = RANS["strings"][number]
    string = bytes.fromhex(stored["string"])
    expected = reference(string)
    symbols = expected.decode(RANS["indexes"], *TABLES)
    assert 4 * expected.read - len(string) == stored["bytes read behind it"] > 0
    assert 4 * expected.read <= len(guarded(string, len(symbols)))
    decoded = RansGuard(ans.RansDecoder).decode_with_indexes(string, RANS["indexes"], *TABLES)
    # Values of over 32 bits are cut off in C++, and none of them is anything that was encoded.
    alike = [(a, b) for a, b in zip(symbols, decoded, strict=True) if abs(a) < 2**27]
    assert all(a == b for a, b in alike)
    assert alike


def test_a_string_that_kills_the_librarys_own_process(reference: Any) -> None:
    expected = reference(GREEDY)
    expected.decode([0] * 64, *GREEDY_TABLE)
    assert len(GREEDY) + 900_000 < 4 * expected.read <= len(guarded(GREEDY, 64))
    decoded = RansGuard(ans.RansDecoder).decode_with_indexes(GREEDY, [0] * 64, *GREEDY_TABLE)
    assert len(decoded) == 64
    code = (
        "from compressai import ans\n"
        f"string = bytes.fromhex({GREEDY[:8].hex()!r}) + b'\\xff' * 65536\n"
        f"ans.RansDecoder().decode_with_indexes(string, [0] * 64, *{GREEDY_TABLE!r})\n"
    )
    bare = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=120, check=False)
    if bare.returncode == 0:
        pytest.skip("CompressAI's decoder survived by chance: what lies behind the string differs")
    assert bare.returncode < 0


@pytest.mark.parametrize("path", sorted(DAMAGED.glob("*px.*")), ids=lambda path: path.name)
def test_files_that_claim_67_megapixels(path: Path) -> None:
    """In a process of its own, which nothing else has taken memory in."""
    code = f"""
from pathlib import Path
import torch
from pytest_lic.adapters.pillow import families
from pytest_lic.checks.hostile.child import MEMORY
from pytest_lic.checks.hostile.outcome import outcome_of
from pytest_lic.checks.hostile.memory_limit import limited_memory
from pytest_lic.system.process_memory import memory_bytes
family = next(each for each in families() if each.name == {path.suffix[1:]!r})
codec = family.build(next(iter(family.qualities)), "cpu")
codec.decode(codec.encode(torch.zeros(1, 3, 8, 8)))
with limited_memory(memory_bytes("VmData") + MEMORY):
    outcome, words = outcome_of(codec, Path({str(path)!r}).read_bytes())
assert not outcome.fails, words
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr[-2000:]


def test_parameters_that_would_take_gigabytes() -> None:
    """Each small enough, but a hundred of them."""
    zeros = torch.zeros(MAX_TENSOR_BYTES // 16, dtype=torch.uint8)
    with pytest.raises(AbsurdSizeError, match="bytes are accepted in all"):
        unpack_value(pack_value([zeros] * 100))


def test_a_shape_of_more_latents_than_the_image_has_room_for() -> None:
    from compressai.models import ScaleHyperprior

    family = compressai_family("mine", lambda: ScaleHyperprior(8, 8), ["1"])
    codec = family.build("1", "cpu")
    stream = unpack(codec.encode(torch.rand(1, 3, 64, 64))[0])
    forged = (pack_value({1: torch.Size([100, 100])}), *stream.sections)
    with pytest.raises(AbsurdSizeError, match=r"latents of shape .*100, 100.* lets expect"):
        codec.decode([pack(Bitstream(stream.fingerprint, 64, 64, forged))])


def test_a_header_that_claims_67_megapixels_of_a_network() -> None:
    from compressai.models import FactorizedPrior

    family = compressai_family("mine", lambda: FactorizedPrior(8, 192), ["1"])
    codec = family.build("1", "cpu")
    stream = unpack(codec.encode(torch.rand(1, 3, 64, 64))[0])
    forged = pack(Bitstream(stream.fingerprint, 8192, 8192, stream.sections))
    errors: list[BitstreamError] = []

    def decode() -> None:
        with pytest.raises(TruncatedBitstreamError, match="bytes for symbols that take") as caught:
            codec.decode([forged])
        errors.append(caught.value)

    taken = peak_memory("cpu", decode)
    assert errors
    assert not isinstance(taken, PeakMemory) or taken.added_bytes < 2 * 2**30
