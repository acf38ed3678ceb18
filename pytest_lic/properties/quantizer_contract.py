"""What every decoder relies on in a quantizer: the same again, in step, of one type, or refused."""

from __future__ import annotations

import math

import torch
from hypothesis import strategies as st

from pytest_lic.properties.latents import inputs_of, latent_of, shown
from pytest_lic.properties.search import Broken, for_all
from pytest_lic.quantizer import QuantizerUnderTest


def determinism(quantizer: QuantizerUnderTest) -> None:
    """The same input gives the same symbols and values again, from a fresh object too.

    Raises:
        PropertyError: it does not.
    """
    built = quantizer.build()

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs)
        first = built.symbols(latent)
        values = built.values(first)
        for other, where in ((built, "the same object"), (quantizer.build(), "a fresh object")):
            again = other.symbols(latent)
            if not torch.equal(first, again):
                return Broken(f"symbols {shown(first)} again of {where}", f"symbols {shown(again)}")
            if not torch.equal(values, other.values(first)):
                return Broken(
                    f"values {shown(values)} again of {where}",
                    f"values {shown(other.values(first))}",
                )
        return None

    for_all(quantizer, "determinism", inputs_of(quantizer), check)


def in_step(quantizer: QuantizerUnderTest) -> None:
    """A decoder that is built apart gets the encoder's values, of any image alone.

    The encoder codes images one after the other. Each is decoded by the encoder's own object, by a
    fresh one that decodes them all, and by a fresh one that sees this image alone.

    Raises:
        PropertyError: a decoder's values are others, or farther from the input than the bound.
    """
    images = st.lists(inputs_of(quantizer), min_size=1, max_size=3)

    def check(inputs: list[list[float]]) -> Broken | None:
        encoder, decoder = quantizer.build(), quantizer.build()
        for number, values in enumerate(inputs):
            image = latent_of(values)
            symbols = encoder.symbols(image)
            alone = quantizer.build().symbols(image)
            if not torch.equal(symbols, alone):
                return Broken(
                    f"image {number} coded as if alone, symbols {shown(alone)}",
                    f"symbols {shown(symbols)} after the others",
                )
            known = encoder.values(symbols)
            for who, decoded in (
                ("the decoder of all images", decoder.values(symbols)),
                ("a decoder of this image alone", quantizer.build().values(symbols)),
            ):
                if not torch.equal(decoded, known):
                    return Broken(
                        f"image {number} decoded by {who} as by the encoder, values {shown(known)}",
                        f"values {shown(decoded)}",
                    )
        return None

    for_all(quantizer, "encoder and decoder in step", images, check)


def int32_symbols(quantizer: QuantizerUnderTest) -> None:
    """Symbols are int32 and values float32, in the shape of the input and finite.

    Raises:
        PropertyError: they are not.
    """
    built = quantizer.build()
    shapes = st.tuples(*[st.integers(1, 4)] * 3)

    def check(shape: tuple[int, ...]) -> Broken | None:
        latent = torch.linspace(-3, 3, math.prod(shape)).reshape(shape)
        symbols = built.symbols(latent)
        values = built.values(symbols)
        types = symbols.dtype, symbols.shape, values.dtype, values.shape
        if types != (torch.int32, latent.shape, torch.float32, latent.shape):
            kinds = f"{types[0]} {tuple(types[1])}, values {types[2]} {tuple(types[3])}"
            return Broken(
                f"symbols torch.int32 {shape}, values torch.float32 {shape}", f"symbols {kinds}"
            )
        if not bool(torch.isfinite(values).all()):
            return Broken("finite values", f"values {shown(values)}")
        return None

    for_all(quantizer, "int32 symbols and float32 values of the input's shape", shapes, check)


def refusal(quantizer: QuantizerUnderTest) -> None:
    """NaN and ±∞ raise the promised exception, wherever they stand.

    Raises:
        PropertyError: they raise another one, or none.
    """
    built, refuses = quantizer.build(), quantizer.refuses
    assert refuses is not None
    name = refuses.__name__
    ordinary = st.lists(st.floats(-4, 4, width=32), max_size=3)
    wrong = st.sampled_from([math.nan, math.inf, -math.inf])
    lists = st.builds(lambda head, bad, tail: [*head, bad, *tail], ordinary, wrong, ordinary)

    def check(inputs: list[float]) -> Broken | None:
        try:
            symbols = built.symbols(latent_of(inputs))
        except refuses:
            return None
        return Broken(name, f"symbols {shown(symbols)}")

    for_all(quantizer, "a clear error for what is not finite", lists, check)
