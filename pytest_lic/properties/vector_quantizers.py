"""What must hold of every vector quantizer: indices of its codebooks, and each position apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.properties.latents import shown as listed
from pytest_lic.properties.search import Broken, described, for_all
from pytest_lic.vector_quantizer import VectorQuantizerUnderTest

_SHARE = 0.3
_MOST_SIDE = 4
_MOST_TRIED = 64
"""Other entries that are tried of a codebook."""
_ROUNDING = 1e-5


@dataclass(frozen=True)
class _Latents:
    """Images of one size, whose values are about those of the entries, times ``spread``."""

    batch: int
    height: int
    width: int
    drawn: int
    spread: float

    def values(self, entries: Tensor) -> Tensor:
        """Float32 (B, M, h, w), for values that decoding gives, (1, M, 1, n)."""
        generator = torch.Generator().manual_seed(self.drawn)
        shape = (self.batch, entries.size(1), self.height, self.width)
        drawn = torch.randn(shape, generator=generator)
        mean = entries.mean(3, keepdim=True)
        scale = entries.std(3, keepdim=True, correction=0).clamp_min(1e-3)
        return mean + self.spread * scale * drawn

    def __str__(self) -> str:
        shape = f"{self.batch} × {self.height} × {self.width}"
        return f"images and positions {shape}, drawn with {self.drawn}, {self.spread:g} times wide"


_LATENTS = st.builds(
    _Latents,
    st.integers(1, 3),
    st.integers(1, _MOST_SIDE),
    st.integers(1, _MOST_SIDE),
    st.integers(0, 2**16),
    st.sampled_from([1.0, 0.1, 8.0, 500.0]),
)


def own_indices(subject: VectorQuantizerUnderTest) -> None:
    """Indices are whole numbers that the codebooks have, and values float32, as many as channels.

    Raises:
        PropertyError: an index out of range, or another shape or type.
    """
    built, entries = subject.build(), _entries(subject)

    def check(latents: _Latents) -> Broken | None:
        given = latents.values(entries())
        indices = built.indices(given)
        shape = (given.size(0), subject.codebooks, *given.shape[2:])
        if indices.is_floating_point() or tuple(indices.shape) != shape:
            return Broken(
                f"whole numbers of shape {shape}", f"{indices.dtype} of {tuple(indices.shape)}"
            )
        wrong = indices[(indices < 0) | (indices >= subject.entries)]
        if wrong.numel():
            return Broken(f"indices 0 to {subject.entries - 1}", f"index {int(wrong[0])}")
        return _unlike(built.values(indices), tuple(given.shape))

    for_all(subject, "indices of the codebooks", _LATENTS, check, str, _SHARE)


def every_entry(subject: VectorQuantizerUnderTest) -> None:
    """Every index decodes to something finite.

    Raises:
        PropertyError: one does not.
    """
    built = subject.build()

    def check(index: int) -> Broken | None:
        indices = torch.full((1, subject.codebooks, 1, 1), index)
        return _unlike(built.values(indices), (1, subject.channels, 1, 1))

    def all_of(first: int) -> Broken | None:
        for index in range(first, min(first + 64, subject.entries)):
            broken = check(index)
            if broken is not None:
                return Broken(broken.expected, f"{broken.came}, of index {index}")
        return None

    blocks = st.sampled_from(range(0, subject.entries, 64))
    claim = "every index decodes"
    for_all(subject, claim, blocks, all_of, lambda first: f"indices from {first} on")


def nearest(subject: VectorQuantizerUnderTest) -> None:
    """No other entry of a single codebook comes nearer: all are tried, or 64 of them.

    By squared error, but for 10⁻⁵ of it and of the latent's square, which float32 may round.

    Raises:
        PropertyError: another one does.
    """
    encoder, decoder, entries = subject.build(), subject.build(), _entries(subject)

    def check(latents: _Latents) -> Broken | None:
        given = latents.values(entries())
        indices = encoder.indices(given)
        generator = torch.Generator().manual_seed(latents.drawn)
        tried = torch.randperm(subject.entries, generator=generator)[:_MOST_TRIED]
        # Each position in a row of its own, and each other entry in a column.
        rows = given.permute(0, 2, 3, 1).flatten(0, 2).double()
        own = indices.permute(0, 2, 3, 1).flatten(0, 2)
        kept = _errors(decoder.values(own.T[None, :, :, None]), rows[..., None])[:, 0]
        allowed = kept - _ROUNDING * (kept + rows.square().sum(1))
        for codebook in range(subject.codebooks):
            others = own.T[None, :, :, None].repeat(1, 1, 1, len(tried))
            others[0, codebook] = tried.to(others)
            errors = _errors(decoder.values(others), rows[..., None])
            best = errors.min(1)
            worse = (best.values < allowed).nonzero()[:, 0]
            if len(worse):
                at = int(worse[0])
                other = int(tried[best.indices[at]])
                return Broken(
                    f"the nearest entry for {listed(rows[at])}: {other} of codebook {codebook}, a "
                    f"squared error of {best.values[at]:.6g}",
                    f"{int(own[at, codebook])}, an error of {kept[at]:.6g}",
                )
        return None

    for_all(subject, "no nearer entry", _LATENTS, check, str, _SHARE)


def idempotence(subject: VectorQuantizerUnderTest) -> None:
    """What is decoded is quantized to itself, every entry too.

    Entries may be there twice: values are compared.

    Raises:
        PropertyError: it is quantized to something else.
    """
    built, every = subject.build(), _every(subject)
    count = every.size(3)

    def check(drawn: int) -> Broken | None:
        generator = torch.Generator().manual_seed(drawn)
        # Each codebook's entries in another order, all of them at once.
        rows = [torch.randperm(count, generator=generator) for _ in range(subject.codebooks)]
        indices = torch.stack([every[0, 0, 0, row] for row in rows])[None, :, None]
        values = built.values(indices)
        again = built.values(built.indices(values))
        wrong = (again != values).any(1).flatten().nonzero()[:, 0]
        if not len(wrong):
            return None
        at = int(wrong[0])
        return Broken(
            f"{listed(values[0, :, 0, at])} again, of indices {listed(indices[0, :, 0, at])}",
            f"{listed(again[0, :, 0, at])}; {len(wrong)} of {count} differ",
        )

    def show(drawn: int) -> str:
        return f"{count} entries of each codebook, in an order drawn with {drawn}"

    claim = "what is decoded is quantized to itself"
    for_all(subject, claim, st.integers(0, 2**16), check, show, _SHARE)


def in_step(subject: VectorQuantizerUnderTest) -> None:
    """Encoders and decoders that are built apart agree, whatever was coded before.

    Raises:
        PropertyError: they do not.
    """
    encoder, decoder, entries = subject.build(), subject.build(), _entries(subject)

    def check(latents: _Latents) -> Broken | None:
        given = latents.values(entries())
        indices, fresh = encoder.indices(given), subject.build()
        known = encoder.values(indices)
        return (
            _differing(indices, fresh.indices(given), "of a fresh encoder")
            or _differing(known, decoder.values(indices), "of a decoder built apart")
            or _differing(known, fresh.values(indices), "of a fresh decoder")
        )

    for_all(subject, "encoder and decoder in step", _LATENTS, check, str, _SHARE)


def positions_apart(subject: VectorQuantizerUnderTest) -> None:
    """An image's indices and values are the same alone and in a batch, and so are a position's.

    Raises:
        PropertyError: they are others.
    """
    built, entries = subject.build(), _entries(subject)

    def check(latents: _Latents) -> Broken | None:
        given = latents.values(entries())
        indices = built.indices(given)
        values = built.values(indices)
        for image in range(len(given)):
            own = slice(image, image + 1)
            what = f"of image {image} alone"
            broken = _differing(indices[own], built.indices(given[own]), what)
            broken = broken or _differing(values[own], built.values(indices[own]), what)
            if broken is not None:
                return broken
        part = (slice(None), slice(None), slice(0, 1), slice(-1, None))
        what = "of the upper right position alone"
        return _differing(indices[part], built.indices(given[part]), what) or _differing(
            values[part], built.values(indices[part]), what
        )

    for_all(subject, "each position is coded by itself", _LATENTS, check, str, _SHARE)


def refusal(subject: VectorQuantizerUnderTest) -> None:
    """An index that no entry has is refused, and so are latents that are not finite.

    Raises:
        PropertyError: another exception, or none.
    """
    built, entries = subject.build(), _entries(subject)
    refuses = subject.refuses if isinstance(subject.refuses, tuple) else (subject.refuses,)
    named = " or ".join(kind.__name__ for kind in refuses)
    outside = [subject.entries, -1, 2**20, -(2**31)]
    wrong: list[float] = [*outside, float("nan"), float("inf")]

    def check(example: tuple[float, int]) -> Broken | None:
        value, place = example
        try:
            if isinstance(value, int):
                indices = torch.zeros(1, subject.codebooks, 2, 2, dtype=torch.int64)
                indices.view(-1)[place % indices.numel()] = value
                came = built.values(indices)
            else:
                latents = entries()[:, :, :, :1].repeat(1, 1, 2, 2)
                latents.view(-1)[place % latents.numel()] = value
                came = built.indices(latents)
        except refuses as error:
            return None if str(error) else Broken("a refusal with a text", described(error))
        return Broken(named, listed(came))

    def show(example: tuple[float, int]) -> str:
        what = "index" if isinstance(example[0], int) else "latent"
        return f"the {what} {example[0]} at {example[1]}"

    examples = st.tuples(st.sampled_from(wrong), st.integers(0, 8))
    for_all(subject, "a clear error for what no entry has", examples, check, show)


def _every(subject: VectorQuantizerUnderTest) -> Tensor:
    """Indices (1, C, 1, n), the same of each codebook: all, or 256 of them."""
    count = min(subject.entries, 256)
    each = torch.arange(count) * subject.entries // count
    return each.expand(1, subject.codebooks, 1, count).clone()


def _entries(subject: VectorQuantizerUnderTest) -> Callable[[], Tensor]:
    """What they decode to, (1, M, 1, n); what is not finite is 0, which is `every_entry`'s."""
    # Within the search, which tells an exception with its claim.
    return cache(lambda: subject.build().values(_every(subject)).nan_to_num(0, 0, 0))


def _errors(values: Tensor, rows: Tensor) -> Tensor:
    """Squared errors (r, k) of values (1, M, r, k) against rows (r, M, 1)."""
    return (values[0].double().movedim(0, 1) - rows).square().sum(1)


def _unlike(values: Tensor, shape: tuple[int, ...]) -> Broken | None:
    if values.dtype != torch.float32 or tuple(values.shape) != shape:
        return Broken(
            f"values torch.float32 of shape {shape}", f"{values.dtype} of {tuple(values.shape)}"
        )
    if bool(torch.isfinite(values).all()):
        return None
    return Broken("finite values", f"values {listed(values)}")


def _differing(known: Tensor, came: Tensor, what: str) -> Broken | None:
    if torch.equal(known, came):
        return None
    return Broken(f"{listed(known)} {what} too", listed(came))
