"""One cell encoded in every environment and decoded in every other: who agrees with whom.

    encoders   here ─┬─ bitstreams ─┬─ decoded in here      the encoder's own decoding
               oldest┤              ├─ decoded in oldest    is the reference of its streams
               …     ┘              └─ …

That two environments encode other bits is expected: their analysis rounds otherwise. But whatever
one of them encodes, all must decode alike.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np

from pytest_lic.checks.agreement import Agreement, Decoded, agreement, decodings
from pytest_lic.checks.determinism import checked
from pytest_lic.checks.fresh_process import FreshProcess, HungError, NoImageError
from pytest_lic.errors import CodecError, UnavailableError
from pytest_lic.images.corpus import Corpus, Image, batches
from pytest_lic.measuring.grid import Cell
from pytest_lic.system.simulated_environments import SimulatedEnvironment

Tick = Callable[[int, int], None]
_Outcome = tuple[str, Agreement, str]  # an image, how far it agrees, and the first difference


@dataclass(frozen=True)
class Pair:
    """How the streams of one environment decode in another, in numbers of images.

    ``first`` tells the first difference: of a broken image if there is one, else of one within
    the tolerance; empty where there is none.
    """

    encoder: str
    decoder: str
    identical: int
    within: int
    broken: int
    first: str


@dataclass(frozen=True)
class EnvironmentMatrix:
    """How the environments agree on one cell.

    Args:
        cell: its id.
        images: how many there are.
        environments: those compared, in order.
        unavailable: environment → why it was not.
        pairs: one for each encoder and decoder.
        broken_images: those that break in any pair.
        other_networks: environment → which parts of the codec are others there than in the first:
            weights or tables. Nothing of such a one is compared.
    """

    cell: str
    images: int
    environments: tuple[str, ...]
    unavailable: Mapping[str, str]
    pairs: tuple[Pair, ...]
    broken_images: tuple[str, ...]
    other_networks: Mapping[str, str] = field(default_factory=dict)


def compare_environments(
    cell: Cell,
    corpus: Corpus,
    environments: Sequence[SimulatedEnvironment],
    process: Callable[[SimulatedEnvironment], FreshProcess],
    threads: int,
    ticker: Callable[[str], Tick],
) -> EnvironmentMatrix:
    """Encode a cell's images in every environment, and decode all that in every environment.

    No bitstream is decoded twice in one environment. Environments come one after the other, the
    second time in reverse: each of their processes takes seconds to start, and not all are kept.

    Args:
        cell: what to code.
        corpus: its images.
        environments: where.
        process: gives the process of an environment, which serves until another is asked for.
        threads: CPU threads where the environment says nothing else.
        ticker: gives for a piece of work what is told how far it is, in images done and in all.

    Raises:
        UnavailableError: the codec can't be had in the first of the environments.
    """
    parts = list(enumerate(batches(corpus, cell.setting.batch)))
    total = len(corpus.images)
    unavailable: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="pytest-lic-") as folder:
        sides: list[_Coder] = []
        for environment in environments:
            side = _Coder(environment, process, cell, threads, Path(folder))
            tick, done = ticker(f"encoding in {environment.name}"), 0
            try:
                for number, images in parts:
                    side.code(number, images)
                    tick(done := done + len(images), total)
            except UnavailableError as error:
                if environment is environments[0]:
                    raise
                unavailable[environment.name] = str(error)
            else:
                sides.append(side)
            if len(environments) > 1:
                side.tell_parts()
        others = {side.name: apart for side in sides if (apart := _other_parts(sides[0], side))}
        sides = [side for side in sides if side.name not in others]
        outcomes: dict[tuple[str, str], list[_Outcome]] = defaultdict(list)
        for decoder in reversed(sides):
            tick, done = ticker(f"decoding in {decoder.name}"), 0
            for number, images in parts:
                for encoder, decoded in _decoded(decoder, sides, number, images):
                    outcomes[encoder.name, decoder.name] += encoder.agreements(
                        number, images, decoder.name, decoded
                    )
                tick(done := done + len(images), total)
    names = [side.name for side in sides]
    every = [outcome for of_pair in outcomes.values() for outcome in of_pair]
    broken = {image for image, kind, _ in every if kind is Agreement.BROKEN}
    return EnvironmentMatrix(
        cell=cell.id,
        images=total,
        environments=tuple(names),
        unavailable=unavailable,
        pairs=tuple(_pair(*pair, outcomes[pair]) for pair in product(names, names)),
        broken_images=tuple(image.name for image in corpus.images if image.name in broken),
        other_networks=others,
    )


def _other_parts(reference: _Coder, side: _Coder) -> str:
    """Which parts make a side's codec another one than the reference's; empty if it is the same.

    Settings may tell the device, and are only named beside weights or tables.
    """
    apart = [
        part for part, digest in reference.parts.items() if side.parts.get(part, digest) != digest
    ]
    return " and ".join(apart) if {"weights", "tables"} & set(apart) else ""


_Answer = TypeVar("_Answer")


class _Coder:
    """One environment: its process, its bitstreams, and its own decoding of them.

    The decodings are kept in ``folder``: those of a large corpus would not fit into memory.
    """

    def __init__(
        self,
        environment: SimulatedEnvironment,
        process: Callable[[SimulatedEnvironment], FreshProcess],
        cell: Cell,
        threads: int,
        folder: Path,
    ) -> None:
        self.name = environment.name
        self.streams: dict[int, tuple[bytes, ...]] = {}
        self.failures: dict[int, str] = {}  # of encoding
        self.parts: Mapping[str, str] = {}
        self._environment = environment
        self._process = process
        self._codec = (cell.family, cell.quality, environment.device or cell.setting.device)
        self._threads = environment.threads or threads
        self._folder = folder
        self._hung: str | None = None

    def code(self, number: int, images: Sequence[Image]) -> None:
        """Encode one batch, and decode it where it was encoded.

        Raises:
            UnavailableError: the codec can't be had in this environment.
        """
        try:
            bitstreams = self._asked(
                lambda process: process.encode(*self._codec, images, threads=self._threads)
            )
        except CodecError as error:
            self.failures[number] = str(error)
            return
        self.streams[number] = tuple(bitstreams)
        for index, decoded in enumerate(self.decode(bitstreams, images)):
            arrays = {name: array for name, array in vars(decoded).items() if array is not None}
            np.savez(self._file(number, index), **arrays)

    def tell_parts(self) -> None:
        """Find out ``parts``, unless nothing was encoded or it hung, which is told anyway."""
        if self.streams and self._hung is None:
            self.parts = self._asked(
                lambda process: process.parts(*self._codec, threads=self._threads)
            )

    def decode(self, bitstreams: Sequence[bytes], images: Sequence[Image]) -> list[Decoded]:
        """Decode one batch, whoever encoded it; what goes wrong is told in each image's stead."""
        latents = None
        try:
            (answer,) = self._asked(
                lambda process: process.decode(
                    *self._codec,
                    [bitstreams],
                    [[image.name for image in images]],
                    threads=self._threads,
                    latents=True,
                )
            )
            latents = answer.latents
            return decodings(checked(answer.decoded, images), latents)
        except (CodecError, UnavailableError) as error:
            if isinstance(error, NoImageError):
                latents = error.latents
            shown = latents or [None] * len(images)
            return [Decoded(None, latent, str(error)) for latent in shown]

    def own(self, number: int, images: Sequence[Image]) -> list[Decoded]:
        """What this side decoded of its own bitstreams."""
        own = []
        for index in range(len(images)):
            with np.load(self._file(number, index)) as arrays:
                failure = str(arrays["failure"])
                own.append(Decoded(arrays.get("pixels"), arrays.get("latents"), failure))
        return own

    def agreements(
        self, number: int, images: Sequence[Image], decoder: str, decoded: Sequence[Decoded]
    ) -> list[_Outcome]:
        """How far what ``decoder`` made of this side's bitstreams agrees with its own decoding."""
        if number in self.failures:
            failure = f"not encoded: {self.failures[number]}"
            return [(image.name, Agreement.BROKEN, failure) for image in images]
        names = (f"in {self.name}", f"in {decoder}")
        outcomes: list[_Outcome] = []
        for image, one, other in zip(images, self.own(number, images), decoded, strict=True):
            if one.failure:
                how = Agreement.BROKEN, f"not decoded where it was encoded: {one.failure}"
            else:
                how = agreement(one, other, names)
            outcomes.append((image.name, *how))
        return outcomes

    def _asked(self, ask: Callable[[FreshProcess], _Answer]) -> _Answer:
        """What ``ask`` gives of this side's process, which is not asked again once it hung."""
        if self._hung is not None:
            raise CodecError(self._hung)
        try:
            return ask(self._process(self._environment))
        except HungError as error:
            self._hung = f"not tried, since another image hung: {error}"
            raise

    def _file(self, number: int, index: int) -> Path:
        return self._folder / f"{self.name}-{number}-{index}.npz"


def _decoded(
    decoder: _Coder, encoders: Sequence[_Coder], number: int, images: Sequence[Image]
) -> Iterator[tuple[_Coder, list[Decoded]]]:
    """Each encoder, and what the decoder makes of one batch of its bitstreams, if there are any."""
    known: dict[tuple[bytes, ...], list[Decoded]] = {}
    if number in decoder.streams:
        known[decoder.streams[number]] = decoder.own(number, images)
    for encoder in encoders:
        if number not in encoder.streams:
            yield encoder, []
            continue
        streams = encoder.streams[number]
        if streams not in known:
            known[streams] = decoder.decode(streams, images)
        yield encoder, known[streams]


def _pair(encoder: str, decoder: str, outcomes: Sequence[_Outcome]) -> Pair:
    counts = Counter(kind for _, kind, _ in outcomes)
    identical, within, broken = (counts[kind] for kind in Agreement)
    # The first of each kind is the one that stays.
    differences = {kind: f"{image}: {text}" for image, kind, text in reversed(outcomes) if text}
    first = differences.get(Agreement.BROKEN) or differences.get(Agreement.WITHIN, "")
    return Pair(encoder, decoder, identical, within, broken, first)
