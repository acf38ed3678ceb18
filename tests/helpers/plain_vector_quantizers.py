"""A vector quantizer that is right, in a few lines, and mutants that are wrong in one place."""

from __future__ import annotations

import itertools

import torch

CHANNELS, ENTRIES, CODEBOOKS = 4, 8, 2


class Plain:
    """The nearest centre of each half of the channels."""

    def __init__(self):
        generator = torch.Generator().manual_seed(self.seed())
        self.books = 3 * torch.randn(CODEBOOKS, ENTRIES, 2, generator=generator)

    def seed(self):
        return 0

    def refuse(self, latents):
        if not torch.isfinite(latents).all():
            raise ValueError("latents that are not finite")

    def distances(self, vectors, book):
        return (vectors[..., None, :].double() - book.double()).square().sum(-1)

    def indices(self, latents):
        self.refuse(latents)
        halves = latents.movedim(1, -1).chunk(CODEBOOKS, -1)
        chosen = [
            self.chosen(self.distances(half, book))
            for half, book in zip(halves, self.books, strict=True)
        ]
        return torch.stack(chosen, 1)

    def chosen(self, distances):
        return distances.argmin(-1)

    def own(self, indices):
        if ((indices < 0) | (indices >= ENTRIES)).any():
            raise ValueError("an index that no entry has")
        return indices

    def values(self, indices):
        own = self.own(indices).unbind(1)
        halves = [book[index] for book, index in zip(self.books, own, strict=True)]
        return torch.cat(halves, -1).movedim(-1, 1)


class Expanded(Plain):
    """‖z‖² − 2 z·c + ‖c‖² in float32, as is often done: right, but for rounding."""

    def distances(self, vectors, book):
        square = vectors.square().sum(-1, keepdim=True)
        return square - 2 * vectors @ book.T + book.square().sum(-1)


class CountsFromOne(Plain):
    """Indices from 1 to K."""

    def indices(self, latents):
        return super().indices(latents) + 1

    def values(self, indices):
        return super().values((indices - 1) % ENTRIES)


class InFloat(Plain):
    """Indices of floats."""

    def indices(self, latents):
        return super().indices(latents).float()

    def values(self, indices):
        return super().values(indices.long())


class NextOnBothSides(Plain):
    """The entry after the nearest."""

    def chosen(self, distances):
        return (super().chosen(distances) + 1) % ENTRIES


class NextInTheDecoder(Plain):
    """Decodes the entry after the one that was chosen."""

    def values(self, indices):
        return super().values((self.own(indices) + 1) % ENTRIES)


class Farthest(Plain):
    """A sign that is wrong."""

    def distances(self, vectors, book):
        return -super().distances(vectors, book)


class WithoutTheSquare(Plain):
    """Products alone, as if all centres were as long."""

    def distances(self, vectors, book):
        return -(vectors @ book.T)


class InHalfPrecision(Plain):
    """Distances of three digits."""

    def distances(self, vectors, book):
        return super().distances(vectors.half().float(), book).bfloat16()


class OverTheBatch(Plain):
    """Distances from what all that is chosen together has on average."""

    def distances(self, vectors, book):
        found = super().distances(vectors, book)
        return found - found.mean((0, 1, 2))


class LooksLeft(Plain):
    """Takes some of the left neighbour's distance."""

    def distances(self, vectors, book):
        found = super().distances(vectors, book)
        return found + 0.5 * torch.cat([found[:, :, :1], found[:, :, :-1]], 2)


class DrawnAnew(Plain):
    """Centres that are others in each process."""

    drawn = itertools.count()

    def seed(self):
        return next(self.drawn)


class DeadEntry(Plain):
    """A centre of no vectors, divided by their number."""

    def __init__(self):
        super().__init__()
        self.books[0, 5] = torch.nan

    def chosen(self, distances):
        return distances.nan_to_num(torch.inf).argmin(-1)


class Wraps(Plain):
    """Takes any index modulo K."""

    def own(self, indices):
        return indices % ENTRIES


class FromTheEnd(Plain):
    """Takes negative indices from the end, as tensors do."""

    def own(self, indices):
        return indices


class NaNHasAnEntry(Plain):
    """Codes what is not finite."""

    def refuse(self, latents):
        pass
