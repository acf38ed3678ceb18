"""Samplers of relative-entropy coding give draws that their bytes decode to, and the right ones."""

import pytest

from pytest_lic import SamplerUnderTest, properties

pytestmark = pytest.mark.properties


def test_draws_decode(lic_sampler: SamplerUnderTest) -> None:
    """Bytes and the prior give the draw to the bit."""
    properties.samplers.round_trip(lic_sampler)


def test_no_dimensions(lic_sampler: SamplerUnderTest) -> None:
    """A pair without dimensions decodes."""
    properties.samplers.no_dimensions(lic_sampler)


def test_same_draw(lic_sampler: SamplerUnderTest) -> None:
    """The same pair and seed give the same bytes and draw, whatever was coded before."""
    properties.samplers.same_bytes(lic_sampler)


def test_threads(lic_sampler: SamplerUnderTest) -> None:
    """Threads that code at once get what each would get alone."""
    properties.samplers.threads(lic_sampler)


@pytest.mark.lic_promise("independent_of_others")
def test_independent_of_others(lic_sampler: SamplerUnderTest) -> None:
    """A dimension's draw is the same whatever is coded beside it."""
    properties.samplers.independent_of_others(lic_sampler)


def test_damaged_strings(lic_sampler: SamplerUnderTest) -> None:
    """A damaged string is refused, or decodes to a finite draw."""
    properties.samplers.damaged_strings(lic_sampler)


def test_refused_pairs(lic_sampler: SamplerUnderTest) -> None:
    """Pairs that can't be coded are refused."""
    properties.samplers.refusal(lic_sampler)


@pytest.mark.lic_promise("exact")
def test_exact_draws(lic_sampler: SamplerUnderTest) -> None:
    """Draws are those of the posterior."""
    properties.draws.exact(lic_sampler)


def test_independent_draws(lic_sampler: SamplerUnderTest) -> None:
    """Draws of dimensions and of seeds are independent."""
    properties.draws.independence(lic_sampler)


@pytest.mark.lic_promise("exact")
def test_enough_bits(lic_sampler: SamplerUnderTest) -> None:
    """A string is at least as long as its divergence."""
    properties.draws.enough_bits(lic_sampler)


@pytest.mark.lic_promise("overhead")
def test_overhead(lic_sampler: SamplerUnderTest) -> None:
    """A dimension takes few bits beside its divergence."""
    properties.draws.overhead(lic_sampler)
