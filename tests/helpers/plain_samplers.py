"""A sampler that is right, in a few lines, and mutants of it that are wrong in one place."""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np

COUNT = 512


@lru_cache(8192)
def numbers_of(key):
    """The prior's draws, and the chance of each to be accepted."""
    numbers = np.random.default_rng(key)
    return numbers.standard_normal(COUNT), numbers.random(COUNT)


class Plain:
    """Draws of the prior until one is accepted, whose number is sent in 16 bits."""

    def __init__(self, seed):
        self.seed = seed

    def key(self, dimension):
        return self.seed, dimension

    def drawn(self, dimension):
        return numbers_of(self.key(dimension))

    def refuse(self, nats):
        if not (nats <= 4.1 * np.log(2)).all():
            raise ValueError("a dimension of more than 4 bits")

    def accepted(self, values, chances, mean, scale):
        ratio = np.exp(values**2 / 2 - (values - mean) ** 2 / (2 * scale**2))
        return int(np.argmax(chances * np.exp(mean**2 / (2 * (1 - scale**2))) < ratio))

    def encode(self, means, scales, prior_means, prior_scales):
        means, scales = (means - prior_means) / prior_scales, scales / prior_scales
        self.refuse((scales**2 - 1 + means**2) / 2 - np.log(scales))
        scales = np.minimum(scales, 1 - 1e-9)
        chosen = [
            self.accepted(*self.drawn(dimension), *each)
            for dimension, each in enumerate(zip(means, scales, strict=True))
        ]
        string = self.written(chosen)
        return string, self.decode(string, prior_means, prior_scales)

    def written(self, chosen):
        return np.array(chosen, "<u2").tobytes()

    def read(self, string, count):
        chosen = np.frombuffer(string, "<u2")
        if len(chosen) != count or chosen.max(initial=0) >= COUNT:
            raise ValueError("no string of this prior")
        return chosen

    def value(self, dimension, number):
        return self.drawn(dimension)[0][number]

    def decode(self, string, prior_means, prior_scales):
        chosen = self.read(string, len(prior_means))
        drawn = np.array([self.value(*each) for each in enumerate(chosen)], float)
        return prior_means + prior_scales * drawn


class InFloat32(Plain):
    """Draws of fewer digits."""

    def decode(self, *given):
        return super().decode(*given).astype(np.float32)


class OneDigitMore(Plain):
    """The encoder keeps digits that the decoder does not have."""

    def encode(self, *given):
        string, draw = super().encode(*given)
        return string, np.nextafter(draw, np.inf)


class AText(Plain):
    """A string that is none of bytes."""

    def encode(self, *given):
        string, draw = super().encode(*given)
        return string.hex(), draw


class FirstOfAll(Plain):
    """Looks at the first dimension, which there may not be."""

    def encode(self, means, scales, *prior):
        assert scales[0] > 0
        return super().encode(means, scales, *prior)


class OneGenerator(Plain):
    """Random numbers that go on from call to call, as of an object's own generator."""

    def __init__(self, seed):
        super().__init__(seed)
        self.generator = np.random.default_rng(seed)

    def encode(self, *given):
        self.key_of_call = int(self.generator.integers(1 << 30))
        return super().encode(*given)

    def key(self, dimension):
        return self.key_of_call, dimension


class OneBuffer(Plain):
    """Writes into an array of the object, which another thread may write to as well."""

    def encode(self, means, *given):
        self.count = len(means)
        string, _ = super().encode(means, *given)
        # As if the other thread came in between, which otherwise is rare.
        self.between()
        return string[: 2 * self.count], self.decode(string, *given[1:])

    def between(self):
        time.sleep(0.02)


class CountsFromTheEnd(Plain):
    """Random numbers of a dimension's distance from the last."""

    def encode(self, means, *given):
        self.size = len(means)
        return super().encode(means, *given)

    def decode(self, string, means, scales):
        self.size = len(means)
        return super().decode(string, means, scales)

    def key(self, dimension):
        return super().key(self.size - dimension)


class ByTheFirst(Plain):
    """One dimension's number moves what the next ones draw."""

    def encode(self, means, scales, prior_means, prior_scales):
        if not len(means):
            return super().encode(means, scales, prior_means, prior_scales)
        first = super().encode(*(each[:1] for each in (means, scales, prior_means, prior_scales)))
        number = int(np.frombuffer(first[0], "<u2")[0])
        other = Plain(self.seed + number)
        rest = other.encode(*(each[1:] for each in (means, scales, prior_means, prior_scales)))
        return first[0] + rest[0], np.append(first[1], rest[1])

    def decode(self, string, means, scales):
        first = super().decode(string[:2], means[:1], scales[:1])
        if len(means) < 2:
            return super().decode(string, means, scales)
        number = int(np.frombuffer(string[:2], "<u2")[0])
        rest = Plain(self.seed + number).decode(string[2:], means[1:], scales[1:])
        return np.append(first, rest)


class UncheckedNumbers(Plain):
    """Believes the number that a string says."""

    def read(self, string, count):
        chosen = np.frombuffer(string, "<u2")
        if len(chosen) != count:
            raise ValueError("no string of this prior")
        return chosen


class UncheckedLength(Plain):
    """Decodes as many as a string has."""

    def decode(self, string, prior_means, prior_scales):
        chosen = self.read(string, len(string) // 2)
        drawn = np.array([self.value(*each) for each in enumerate(chosen)], float)
        return (prior_means[0] if len(prior_means) else 0) + drawn


class NotFinite(UncheckedNumbers):
    """What can't be is no number."""

    def value(self, dimension, number):
        return super().value(dimension, number) if number < COUNT else np.nan


class Endless(UncheckedNumbers):
    """Searches for a number that never comes."""

    def value(self, dimension, number):
        while number >= COUNT:
            pass
        return super().value(dimension, number)


class NoWords(Plain):
    """Refuses without a text."""

    def read(self, string, count):
        try:
            return super().read(string, count)
        except ValueError:
            raise ValueError from None


class RefusesNothing(Plain):
    """Codes what it can't."""

    def refuse(self, nats):
        pass


class AcceptsNaN(Plain):
    """A comparison that NaN passes."""

    def refuse(self, nats):
        if (nats > 4.1 * np.log(2)).any():
            raise ValueError("a dimension of more than 4 bits")


class BestOfAll(Plain):
    """The most probable draw of all."""

    def accepted(self, values, chances, mean, scale):
        return int(np.abs(values - mean).argmin())


class LowerPeak(Plain):
    """Takes the ratio at the posterior's mean for its largest."""

    def accepted(self, values, chances, mean, scale):
        ratio = np.exp(values**2 / 2 - (values - mean) ** 2 / (2 * scale**2))
        return int(np.argmax(chances * np.exp(mean**2 / 2) < ratio))


class SeedAndDimension(Plain):
    """The sum of both: a seed's random numbers are the next one's, a dimension on."""

    def key(self, dimension):
        return self.seed + dimension


class ForgetsTheSeed(Plain):
    """The same random numbers for every seed."""

    def key(self, dimension):
        return dimension


class ForgetsTheDimension(Plain):
    """The same random numbers for every dimension."""

    def key(self, dimension):
        return self.seed


class TwoAlike(Plain):
    """The same random numbers for each two dimensions."""

    def key(self, dimension):
        return super().key(dimension // 2)


class LeftInTheProcess(Plain):
    """Keeps draws where the decoder of the same process finds them."""

    left: dict = {}  # noqa: RUF012

    def encode(self, *given):
        _, draw = super().encode(*given)
        self.left[len(self.left)] = draw
        return (len(self.left) - 1).to_bytes(4, "big"), draw

    def decode(self, string, prior_means, prior_scales):
        if isinstance(string, bytes) and len(string) == 4:
            return self.left[int.from_bytes(string, "big")]
        return super().decode(string, prior_means, prior_scales)
