"""Universal quantization: its error, and its dither."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from lic_models.components.quantizers import NoiseQuantizer, Quantizer, UniversalQuantizer
from lic_models.components.quantizers.universal import splitmix64
from pytest_lic.errors import UsageError
from tests.helpers.residuals import distance_to_uniform


def coding_errors(quantizer: Quantizer, residual: Tensor) -> Tensor:
    return quantizer.eval()(residual).values - residual


@pytest.mark.parametrize("value", [-2.31, -0.5, 0.0, 0.01, 0.26, 0.499, 1.75, 12.9])
def test_universal_error_is_uniform_whatever_the_signal(value: float) -> None:
    residual = torch.full((1, 4, 64, 64), value, dtype=torch.float64)
    # A sixteenth for the 16 levels of the dither, and the sampling error of 16,384 draws.
    bound = 1 / 16 + 1.63 / 16384**0.5
    assert distance_to_uniform(coding_errors(UniversalQuantizer(levels=16), residual)) < bound
    assert distance_to_uniform(coding_errors(NoiseQuantizer(), residual)) > 0.4


def test_universal_error_does_not_correlate_with_the_signal() -> None:
    torch.manual_seed(5)
    residual = torch.rand(1, 4, 64, 64) - 0.5

    def correlation(quantizer: Quantizer) -> float:
        errors = coding_errors(quantizer, residual)
        return float(torch.corrcoef(torch.stack([errors.flatten(), residual.flatten()]))[0, 1])

    assert abs(correlation(UniversalQuantizer())) < 4 / 16384**0.5
    assert correlation(NoiseQuantizer()) < -0.99


def test_a_decoder_built_alike_undoes_the_dither_and_another_seed_does_not() -> None:
    torch.manual_seed(6)
    residual = 4 * torch.randn(1, 3, 9, 7)
    encoder, decoder = UniversalQuantizer(seed=7).eval(), UniversalQuantizer(seed=7).eval()
    symbols = encoder.symbols(residual, encoder.variant((3, 9, 7)))
    values = decoder.values(symbols, decoder.variant((3, 9, 7)))
    assert torch.equal(values, encoder(residual).values)
    assert float((values - residual).abs().max()) <= 0.5 + 1e-6
    other = UniversalQuantizer(seed=8)
    assert not torch.equal(other.values(symbols, other.variant((3, 9, 7))), values)


def test_universal_moves_the_cells_with_the_dither() -> None:
    quantizer = UniversalQuantizer(levels=4)
    variant = torch.arange(4)
    assert quantizer.dither(variant).tolist() == [-0.375, -0.125, 0.125, 0.375]
    symbols = quantizer.symbols(torch.full((4,), 0.3), variant)
    assert symbols.tolist() == [1, 0, 0, 0]
    assert quantizer.values(symbols, variant).tolist() == [0.625, -0.125, 0.125, 0.375]
    lower, upper = quantizer.edges(symbols, variant)
    assert lower.tolist() == [0.125, -0.625, -0.375, -0.125]
    assert upper.tolist() == [1.125, 0.375, 0.625, 0.875]


def test_one_dither_level_is_plain_rounding() -> None:
    residual = 4 * torch.randn(1, 3, 9, 7)
    plain, dithered = NoiseQuantizer().eval()(residual), UniversalQuantizer(1).eval()(residual)
    assert all(torch.equal(a, b) for a, b in zip(plain, dithered, strict=True))


def test_the_dither_is_the_published_generator_addressed_by_position() -> None:
    # The numbers known of it for the seed 1234567.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert splitmix64(1234567, np.arange(3, dtype=np.uint64)).tolist() == published

    def by_hand(seed: int, channel: int, row: int, column: int) -> int:
        place = channel * 2**42 + row * 2**21 + column
        mixed = (seed + (place + 1) * 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        return ((mixed ^ (mixed >> 31)) >> 32) * 10 >> 32

    for seed in (0, 2**64 - 1):
        drawn = UniversalQuantizer(levels=10, seed=seed).variant((2, 3, 4))
        expected = [by_hand(seed, *place) for place in np.ndindex(2, 3, 4)]
        assert drawn.flatten().tolist() == expected


def test_the_dither_is_balanced_and_neighbours_are_independent() -> None:
    drawn = UniversalQuantizer(levels=16).variant((16, 64, 64))
    counts = torch.bincount(drawn.flatten(), minlength=16).double()
    assert float(((counts - 4096) ** 2 / 4096).sum()) < 37.7  # χ² of 15 degrees at 0.1 %
    u = drawn.double() - 7.5
    for axis in range(3):
        first, second = u.narrow(axis, 0, u.shape[axis] - 1), u.narrow(axis, 1, u.shape[axis] - 1)
        together = torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))
        assert abs(float(together[0, 1])) < 4 / first.numel() ** 0.5
    assert torch.equal(UniversalQuantizer().variant((3, 5, 7)), drawn[:3, :5, :7])


def test_the_dither_is_the_same_in_a_fresh_process() -> None:
    program = (
        "import hashlib; from lic_models.components.quantizers import UniversalQuantizer as U; "
        "print(hashlib.sha256(U(seed=3).variant((4, 9, 11)).numpy().tobytes()).hexdigest())"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    here = UniversalQuantizer(seed=3).variant((4, 9, 11)).numpy().tobytes()
    assert ran.stdout.strip() == hashlib.sha256(here).hexdigest()


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"levels": 1025}, {"seed": -1}, {"seed": 2**64}])
def test_universal_refuses_arguments_out_of_range(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong)) + "=.*out of range; give"):
        UniversalQuantizer(**wrong)


def test_universal_refuses_a_latent_its_positions_do_not_fit() -> None:
    with pytest.raises(UsageError, match="too large for the dither"):
        UniversalQuantizer().variant((1, 1, 2**21))
