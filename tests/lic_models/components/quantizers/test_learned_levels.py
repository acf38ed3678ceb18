"""Learned levels: the nearest one is coded, and training moves them where they cost less."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Laplace

from lic_models.components.quantizers import (
    LearnedLevelsQuantizer,
    MixedQuantizer,
    NoiseQuantizer,
    Quantized,
    Quantizer,
    learned_levels,
)
from lic_models.components.quantizers.learned_levels import SMALLEST_STEP
from pytest_lic.errors import UsageError, WeightsError

ANY = torch.zeros((), dtype=torch.int64)  # the variant, of which these quantizers have one


def with_steps(*steps: float) -> LearnedLevelsQuantizer:
    """A quantizer with these steps, from the lowest level up."""
    quantizer = LearnedLevelsQuantizer(len(steps) // 2)
    wanted = torch.tensor(steps, dtype=torch.float64) - SMALLEST_STEP
    with torch.no_grad():
        quantizer.steps.copy_(torch.expm1(wanted).log())
    return quantizer


def test_untrained_it_is_plain_rounding() -> None:
    torch.manual_seed(1)
    residual = torch.cat([torch.arange(-30, 31) / 2, 9 * torch.randn(500)]).view(1, 1, 3, -1)
    for learned_up_to in (1, 2, 8):
        learned = LearnedLevelsQuantizer(learned_up_to).eval()(residual)
        for ours, plain in zip(learned, NoiseQuantizer().eval()(residual), strict=True):
            assert torch.equal(ours, plain)


def test_untrained_its_proxy_is_the_mixed_one() -> None:
    torch.manual_seed(2)
    residual = 5 * torch.randn(1, 4, 20, 20, dtype=torch.float64)
    trained = []
    for quantizer in (LearnedLevelsQuantizer(4), MixedQuantizer()):
        torch.manual_seed(3)
        trained.append(quantizer(residual))
    for ours, mixed in zip(*trained, strict=True):
        torch.testing.assert_close(ours, mixed, rtol=0, atol=1e-5)


def test_levels_thresholds_and_symbols_of_a_worked_example() -> None:
    quantizer = with_steps(3, 1, 0.5, 2)
    assert quantizer.levels().tolist() == [-4, -1, 0, 0.5, 2.5]
    symbols = torch.arange(-4, 5, dtype=torch.int32)
    assert quantizer.values(symbols, ANY).tolist() == [-6, -5, -4, -1, 0, 0.5, 2.5, 3.5, 4.5]
    lower, upper = quantizer.edges(symbols, ANY)
    assert lower.tolist() == [-6.5, -5.5, -4.5, -2.5, -0.5, 0.25, 1.5, 3, 4]
    assert upper.tolist() == [-5.5, -4.5, -2.5, -0.5, 0.25, 1.5, 3, 4, 5]
    chosen = {
        0.2: 0, 0.3: 1, 1.4: 1, 1.6: 2, 2.9: 2, 3.1: 3, 3.9: 3, 4.1: 4,
        -0.4: 0, -0.6: -1, -2.4: -1, -2.6: -2, -4.4: -2, -4.6: -3, -5.6: -4,
        # Halfway, the even one.
        0.25: 0, 1.5: 2, -0.5: 0, -2.5: -2, 3.0: 2, 4.0: 4, -4.5: -2, -5.5: -4,
    }  # fmt: skip
    residual = torch.tensor(list(chosen))
    assert quantizer.symbols(residual, ANY).tolist() == list(chosen.values())


def test_thresholds_are_midpoints_and_the_nearest_level_is_taken() -> None:
    torch.manual_seed(4)
    quantizer = LearnedLevelsQuantizer(5)
    with torch.no_grad():
        quantizer.steps.normal_(std=2)
    symbols = torch.arange(-9, 10, dtype=torch.int32)
    levels = quantizer.values(symbols, ANY, torch.float64)
    lower, upper = quantizer.edges(symbols, ANY, torch.float64)
    assert bool((levels.diff() > 0).all())
    assert torch.equal(upper[:-1], (levels[1:] + levels[:-1]) / 2)
    assert torch.equal(lower[1:], upper[:-1])
    residual = torch.empty(5000, dtype=torch.float64).uniform_(float(levels[0]), float(levels[-1]))
    nearest = (residual[:, None] - levels).abs().argmin(1) - 9
    assert torch.equal(quantizer.symbols(residual, ANY), nearest.int())


def test_noise_is_as_wide_as_the_local_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizer = with_steps(3, 1, 0.5, 2)
    # Residuals in the middle of the cells −2, 0, 1, 2 and, beyond what is learned, 4.
    residual = torch.tensor([-3.5, -0.125, 0.875, 2.25, 4.5]).view(1, 1, 1, -1)

    def trained(noise: float) -> Quantized:
        monkeypatch.setattr(learned_levels, "unit_noise", lambda r: torch.full_like(r, noise))
        return quantizer(residual)

    still = trained(0.0)
    cells = quantizer.edges(quantizer.symbols(residual, ANY), ANY)
    for edge, expected in zip(still[:2], cells, strict=True):
        torch.testing.assert_close(edge, expected)
    up = trained(0.25)
    # A quarter of the way: into the next cell at one end, out of this one at the other.
    widths = torch.tensor([2, 0.75, 1.25, 1.5, 1.0])
    following = torch.tensor([2, 1.25, 1.5, 1.0, 1.0])
    torch.testing.assert_close((up.lower - still.lower).flatten(), widths / 4)
    torch.testing.assert_close((up.upper - still.upper).flatten(), following / 4)
    assert torch.equal(up.values, quantizer.eval()(residual).values)


def test_gradients_reach_the_levels_and_pass_straight_through_to_the_residual() -> None:
    quantizer = with_steps(3, 1, 0.5, 2)
    residual = torch.tensor([-3.0, 0.4, 2.2, 7.0]).view(1, 1, 1, -1).requires_grad_()
    lower, upper, values = quantizer(residual)
    for edge in (lower, upper):
        by_steps, by_residual = torch.autograd.grad(
            edge.sum(), [quantizer.steps, residual], retain_graph=True
        )
        assert bool((by_steps != 0).any())
        assert bool((by_residual > 0).all())
    by_steps, by_residual = torch.autograd.grad(values.sum(), [quantizer.steps, residual])
    assert torch.equal(by_residual, torch.ones_like(residual))
    # Levels −2, 1, 2 and one beyond 2 were taken: step −2…−1 pulls one down, 0…1 three up.
    slope = torch.sigmoid(quantizer.steps)
    torch.testing.assert_close(by_steps, torch.tensor([-1.0, -1.0, 3.0, 2.0]) * slope)


def test_the_edges_have_the_gradients_of_their_function() -> None:
    torch.manual_seed(5)
    quantizer = with_steps(1.5, 0.8, 0.6, 2).double()
    residual = torch.tensor([-4.1, -1.7, -0.2, 0.1, 0.9, 3.3], dtype=torch.float64)
    residual = residual.view(1, 1, 1, -1).requires_grad_()

    def edges(steps: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(6)
        quantized = torch.func.functional_call(quantizer, {"steps": steps}, (values,))
        return quantized.lower, quantized.upper

    steps = quantizer.steps.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(edges, (steps, residual))


def cost(quantizer: Quantizer, source: Laplace, residual: Tensor, step: float = 1.0) -> Tensor:
    """Bits and three times the squared error of each residual, together, with steps of ``step``."""
    lower, upper, values = (step * part for part in quantizer(residual / step))
    bits = -(source.cdf(upper) - source.cdf(lower)).clamp_min(1e-30).log2()
    return (bits + 3 * (values - residual) ** 2).mean()


def laplace_of_many_scales(count: int) -> Laplace:
    """What a scale hyperprior predicts: a scale for each latent, here from 0.05 to 3.7."""
    scales = torch.empty(1, 1, 1, count, dtype=torch.float64).uniform_(-3, 1.3).exp()
    return Laplace(torch.zeros_like(scales), scales)


def test_training_on_a_laplace_source_finds_cheaper_levels_than_rounding() -> None:
    torch.manual_seed(7)
    source = laplace_of_many_scales(100_000)
    held_out = source.sample()
    quantizer = LearnedLevelsQuantizer(4)
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.03)
    for _ in range(200):
        batch = laplace_of_many_scales(4096)
        optimizer.zero_grad()
        cost(quantizer, batch, batch.sample()).backward()
        optimizer.step()
    learned = float(cost(quantizer.eval(), source, held_out))
    rounding = NoiseQuantizer().eval()
    assert learned < 0.9 * float(cost(rounding, source, held_out))
    # And about as good as rounding with the step that suits this source best.
    steps = [1 + 0.1 * index for index in range(16)]
    best = min(float(cost(rounding, source, held_out, step)) for step in steps)
    assert learned < 1.01 * best


def test_weights_that_are_not_finite_are_refused() -> None:
    quantizer = LearnedLevelsQuantizer().eval()
    with torch.no_grad():
        quantizer.steps[3] = float("nan")
    with pytest.raises(WeightsError, match="learned step is not finite"):
        quantizer(torch.zeros(1, 1, 1, 1))


@pytest.mark.parametrize("wrong", [0, -1, 1025])
def test_a_number_of_levels_out_of_range_is_refused(wrong: int) -> None:
    with pytest.raises(UsageError, match=f"learned_up_to={wrong} is out of range"):
        LearnedLevelsQuantizer(wrong)
