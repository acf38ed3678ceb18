"""Quantizers, entropy coders, contexts, samplers of this package, and what each promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pytest_lic.context_model import ContextModelUnderTest
from pytest_lic.entropy_coder import CoderUnderTest, TableMaker
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError
from pytest_lic.probability_tables import ProbabilityTables
from pytest_lic.quantizer import QuantizerUnderTest
from pytest_lic.sampler import SamplerUnderTest
from pytest_lic.vector_quantizer import VectorQuantizerUnderTest

if TYPE_CHECKING:
    from torch import Tensor

    from lic_models.components import Context, EntropyCoder, Quantizer, VectorQuantisedCoding
    from lic_models.components.entropy_coding.tables import FrequencyTables
    from lic_models.components.entropy_models.contexts import Predictor
    from lic_models.components.relative_entropy_coding import Sampler

_REACH = 2.0**20
_LIMIT = 2**22
_CHANNELS = 12
"""Of latents for vector quantizers."""
_MOVED = (0.7, 1.5, 0.4, 2.2, 0.25, 1.0, 3.0, 0.9)
"""Steps of learned levels, from −4 to 4; the largest is 3."""


def quantizers() -> Iterator[QuantizerUnderTest]:
    """Each class, with several arguments where they matter.

    A class that trains with one thing for the rate and another for the synthesis is here twice.
    """

    def tested(name: str, kind: str, trains_with: str = "values", **arguments: Any) -> Any:
        made = partial(_made, kind, trains_with, **arguments)
        return QuantizerUnderTest(name, made, _REACH, saturates=_LIMIT, refuses=CodecError)

    yield replace(tested("noise", "NoiseQuantizer"), ties="even", noise="uniform")
    yield replace(
        tested("straight-through", "StraightThroughQuantizer"), ties="even", straight_through=True
    )
    yield replace(tested("mixed", "MixedQuantizer"), ties="even", straight_through=True)
    yield replace(tested("mixed-rate", "MixedQuantizer", "rate"), ties="even", noise="uniform")
    yield replace(
        tested("universal-1", "UniversalQuantizer", levels=1), ties="even", noise="uniform"
    )
    for levels in (16, 7):
        dithered = tested(f"universal-{levels}", "UniversalQuantizer", levels=levels, seed=3)
        yield replace(dithered, dither=levels, noise="uniform")
    for alpha in (0.0, 1.0, 6.0, 30.0):
        soft = tested(f"soft-rounding-{alpha:g}", "SoftRoundingQuantizer", alpha_start=alpha)
        yield replace(
            soft, ties="even", soft_rounding=True, noise="bounded" if alpha else "uniform"
        )
    learned = tested("learned-levels", "LearnedLevelsQuantizer", learned_up_to=4)
    yield replace(learned, ties="even", straight_through=True)
    moved = tested("learned-levels-moved", "LearnedLevelsQuantizer", steps=_MOVED)
    largest = max(_MOVED) / 2
    yield replace(moved, bound=largest, step=None, ties="even", straight_through=True)
    binary = tested("binary", "BinaryQuantizer")
    yield replace(binary, bound=None, step=2.0, saturates=None)


def vector_quantizers() -> Iterator[VectorQuantizerUnderTest]:
    """Each class with codebooks fitted to the same latents; what is decoded comes from strings.

    One that weighs bits takes an entry that is not the nearest, and so do stages in all.
    """

    def tested(name: str, kind: str, codebooks: int = 4, **arguments: Any) -> Any:
        made = partial(_indexed, kind, arguments)
        return VectorQuantizerUnderTest(
            name, made, _CHANNELS, 8, codebooks, refuses=(CodecError, CorruptBitstreamError)
        )

    yield tested("soft-to-hard", "SoftToHardQuantizer")
    constrained = tested("entropy-constrained", "EntropyConstrainedQuantizer", weight=0.02)
    yield replace(constrained, nearest=False, idempotent=False)
    staged = tested("multi-codebook", "MultiCodebookQuantizer", 12, stages=3)
    yield replace(staged, nearest=False, idempotent=False)


def coders() -> Iterator[CoderUnderTest | TableMaker]:
    """Each entropy coder, and what makes their tables."""
    for kind in ("AnsCoder", "RangeCoder", "RansCoder"):
        name = kind.removesuffix("Coder").lower()
        yield CoderUnderTest(
            name, partial(_coder, kind), escapes=True, escape_bits=_escape_bits, refuses=CodecError
        )
    yield TableMaker("from-masses", _counts, refuses=CodecError)


def context_models() -> Iterator[ContextModelUnderTest]:
    """Each context with random weights, in float64, small ones.

    One without a context of a single distribution corrects nothing, and of a mixture all.
    """

    def tested(name: str, kind: str, parameters: int = 2, **arguments: Any) -> Any:
        return ContextModelUnderTest(name, partial(_context, kind, parameters, arguments))

    yield tested("autoregressive", "AutoregressiveContext")
    yield replace(tested("checkerboard", "CheckerboardContext"), filled_from=2)
    yield replace(tested("multistage-2", "MultistageContext", side=2), filled_from=2)
    yield replace(tested("multistage-4", "MultistageContext", side=4), filled_from=4)
    yield replace(tested("channelwise", "ChannelwiseContext", slices=3), channels=(3, 5))
    uneven = tested("uneven-groups", "UnevenGroupsContext", sizes=(1, 2))
    yield replace(uneven, channels=(3, 5), filled_from=2)
    cosine = tested("cosine-slices", "CosineSlicesContext", slices=3)
    yield replace(cosine, channels=(4, 5), filled_from=4)
    yield replace(tested("m2t", "M2TContext", side=3, passes=4), filled_from=3)
    yield replace(tested("mt", "MTContext", side=3, passes=4), filled_from=3)
    yield tested("entroformer", "EntroformerContext", most=4, radius=3)
    two_pass = tested("entroformer-two-pass", "EntroformerTwoPassContext", most=4, radius=3)
    yield replace(two_pass, filled_from=2)
    yield replace(tested("stacked-checkerboard", "StackedCheckerboardContext"), filled_from=2)
    yield tested("context-adaptive", "ContextAdaptiveContext")
    yield tested("zigzag", "ZigzagContext")
    yield tested("non-local", "NonLocalContext")
    yield tested("global-reference", "GlobalReferenceContext")
    yield replace(tested("none", "NoContext"), sees_decoded=False)
    yield replace(tested("none-mixture", "NoContext", parameters=9), sees_decoded=False)


def samplers() -> Iterator[SamplerUnderTest]:
    """Each sampler of relative-entropy coding; importance with fewer draws, which is quicker.

    Groups share an index, so that a dimension's draw depends on those beside it.
    """

    def tested(name: str, kind: str, overhead: float, **arguments: Any) -> Any:
        made = partial(_sampler, kind, arguments)
        refuses = (UsageError, CorruptBitstreamError)
        return SamplerUnderTest(name, made, overhead=overhead, refuses=refuses)

    yield replace(tested("poisson", "PoissonSampler", 2.5), most_bits=40)
    yield tested("rejection", "RejectionSampler", 2.5)
    grouped = {"exact": False, "independent_of_others": False}
    importance = tested("importance", "ImportanceSampler", 3, index_bits=8, spare_bits=2)
    yield replace(importance, **grouped)
    yield replace(tested("greedy", "GreedySampler", 3), **grouped)


def frequency_tables(tables: ProbabilityTables) -> FrequencyTables:
    """The same tables, as the coders here take them."""
    from lic_models.components.entropy_coding.tables import FrequencyTables

    starts = np.cumsum([0, *map(len, tables.rows)], dtype=np.int64)
    return FrequencyTables(np.concatenate(tables.rows), starts, np.array(tables.offsets, np.int32))


class _ImageQuantizer:
    """A quantizer as it codes one image's latent: with the variant that its shape has.

    Args:
        quantizer: to code with.
        trains_with: ``"values"``, what the synthesis gets, or ``"rate"``, the middle of the edges.
    """

    def __init__(self, quantizer: Quantizer, trains_with: str) -> None:
        self.quantizer = quantizer
        self.trains_with = trains_with

    def symbols(self, values: Tensor) -> Tensor:
        return self.quantizer.symbols(values, self.quantizer.variant(values.shape))

    def values(self, symbols: Tensor) -> Tensor:
        return self.quantizer.values(symbols, self.quantizer.variant(symbols.shape))

    def proxy(self, values: Tensor) -> Tensor:
        trained = self.quantizer.proxy(values[None])
        if self.trains_with == "values":
            return trained.values[0]
        return ((trained.lower + trained.upper) / 2)[0]

    def soft_round(self, values: Tensor, alpha: float) -> Tensor:
        from lic_models.components.quantizers.soft_rounding import soft_round

        return soft_round(values, alpha)


class _PlainTables:
    """A coder that takes tables as they are given to coders under test."""

    def __init__(self, coder: EntropyCoder) -> None:
        self.coder = coder

    def encode(
        self, symbols: NDArray[np.int32], indices: NDArray[np.int32], tables: ProbabilityTables
    ) -> bytes:
        return self.coder.encode(symbols, indices, frequency_tables(tables))

    def decode(
        self, string: bytes, indices: NDArray[np.int32], tables: ProbabilityTables
    ) -> NDArray[np.int32]:
        return self.coder.decode(string, indices, frequency_tables(tables))


class StringQuantizer:
    """A vector quantizer whose indices go through the strings of its coding."""

    def __init__(self, coding: VectorQuantisedCoding) -> None:
        self.coding = coding

    def indices(self, latents: Tensor) -> Tensor:
        """Those that coding takes, (B, C, h, w)."""
        return self.coding.vector_quantizer.indices(latents)

    def values(self, indices: Tensor) -> Tensor:
        """What is decoded of each image's string, (B, M, h, w)."""
        import torch

        height, width = indices.shape[2:]
        strings = [self.coding.encode(each) for each in indices]
        return torch.stack([self.coding.decompress([each], (height, width)) for each in strings])


class PlainSampler:
    """A sampler that takes means and scales as they are given to samplers under test."""

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    def encode(
        self,
        posterior_means: NDArray[np.float64],
        posterior_scales: NDArray[np.float64],
        prior_means: NDArray[np.float64],
        prior_scales: NDArray[np.float64],
    ) -> tuple[bytes, NDArray[np.float64]]:
        """A string and its draw, float64 (n,)."""
        from lic_models.components.relative_entropy_coding import Gaussians

        posterior = Gaussians(posterior_means, posterior_scales)
        return self.sampler.encode(posterior, Gaussians(prior_means, prior_scales))

    def decode(
        self, string: bytes, prior_means: NDArray[np.float64], prior_scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The draw, float64 (n,)."""
        from lic_models.components.relative_entropy_coding import Gaussians

        return self.sampler.decode(string, Gaussians(prior_means, prior_scales))


class _SeededContext:
    """A context with side information that is drawn from a seed, the same for every image."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._predictor: Predictor | None = None

    def schedule(self, height: int, width: int) -> Tensor:
        return self.context.schedule(height, width)

    def passes(self, height: int, width: int) -> int:
        return self.context.passes(height, width)

    def predict(self, decoded: Tensor, number: int) -> Tensor:
        if number == 0:
            self._predictor = self.context.predictor(self._features(decoded))
        assert self._predictor is not None, "pass 0 comes first"
        return self._predictor.predict(number, decoded)

    def predict_all(self, latents: Tensor) -> Tensor:
        corrections: Tensor = self.context(latents, self._features(latents))
        return corrections

    @staticmethod
    def _features(latents: Tensor) -> Tensor:
        import torch

        batch, channels, height, width = latents.shape
        generator = torch.Generator().manual_seed(0)
        features = torch.randn(1, 2 * channels, height, width, generator=generator)
        return features.to(latents).expand(batch, -1, -1, -1)


def _context(
    kind: str, parameters: int, arguments: dict[str, Any], channels: int
) -> _SeededContext:
    """Weights that let all that is seen move what is predicted, the same each time."""
    import torch

    from lic_models import components as classes

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        context: Context = getattr(classes, kind)(hidden=8, **arguments)
        context.build(channels, [0.0] * parameters)
        for parameter in context.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return _SeededContext(context.double().eval())


def _made(
    kind: str, trains_with: str, steps: tuple[float, ...] = (), **arguments: Any
) -> _ImageQuantizer:
    import torch

    from lic_models.components import quantizers as classes

    quantizer: Quantizer
    if steps:
        from lic_models.components.quantizers.learned_levels import SMALLEST_STEP

        quantizer = classes.LearnedLevelsQuantizer(len(steps) // 2)
        softplus = torch.tensor(steps, dtype=torch.float64) - SMALLEST_STEP
        quantizer.load_state_dict({"steps": torch.expm1(softplus).log()})
    else:
        build: Callable[..., Quantizer] = getattr(classes, kind)
        quantizer = build(**arguments)
    return _ImageQuantizer(quantizer, trains_with)


def _indexed(kind: str, arguments: dict[str, Any]) -> StringQuantizer:
    """Fitted to the same latents each time, whose channels depend on each other."""
    import torch

    from lic_models import components as classes

    quantizer = getattr(classes, kind)(entries=8, dimensions=3, **arguments)
    coding = classes.VectorQuantisedCoding(quantizer)
    coding.build(_CHANNELS, "")
    generator = torch.Generator().manual_seed(0)
    drawn = 4 * torch.randn((4, _CHANNELS, 8, 8), generator=generator)
    coding.fit(drawn + drawn.roll(1, 1) / 2)
    quantizer.eval()
    coding.update()
    return StringQuantizer(coding)


def _sampler(kind: str, arguments: dict[str, Any], seed: int) -> PlainSampler:
    from lic_models.components import relative_entropy_coding as classes

    return PlainSampler(getattr(classes, kind)(seed, **arguments))


def _coder(kind: str) -> _PlainTables:
    from lic_models import components as classes

    return _PlainTables(getattr(classes, kind)())


def _escape_bits(symbol: int, first: int, last: int) -> float:
    """One of 33 lengths, and as many bits."""
    from lic_models.components.entropy_coding.escapes import (
        ESCAPE_LENGTHS,
        escape_length,
        escape_number,
    )

    number = escape_number(np.array([symbol], np.int32), np.int32(first), last - first + 1)
    return float(np.log2(ESCAPE_LENGTHS) + escape_length(number)[0])


def _counts(masses: NDArray[np.float64]) -> NDArray[np.int32]:
    from lic_models.components.entropy_coding.counts import counts_of

    return counts_of(masses)
