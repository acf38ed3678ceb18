"""Messages of CompressAI's entropy encoder."""

from __future__ import annotations

import random

from compressai import ans

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
