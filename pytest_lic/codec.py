"""The protocol every codec speaks, and the family that names its operating points.

This is all the plugin knows about codecs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pytest_lic.errors import UsageError
from pytest_lic.levels import Levels

if TYPE_CHECKING:
    from torch import Tensor, nn

FIXED = "fixed"
"""The choice in a family's tags where another component leaves none."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+]*(-[A-Za-z0-9._+]+)*")


@runtime_checkable
class Codec(Protocol):
    """One operating point of one codec.

    An image batch is a float32 tensor of shape (B, 3, H, W), RGB in [0, 1].
    """

    def encode(self, images: Tensor, /) -> list[bytes]:
        """Code an image batch (B, 3, H, W) into B bitstreams, each complete in itself."""
        ...

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """Decode B bitstreams of equally large images into an image batch (B, 3, H, W).

        Raises:
            pytest_lic.errors.BitstreamError: a bitstream that this codec can't decode.
        """
        ...


@runtime_checkable
class SupportsLatents(Protocol):
    """What a codec may add to `Codec` so that a broken stream is located in its latents."""

    def decode_latents(self, bitstreams: Sequence[bytes], /) -> list[Tensor]:
        """The B quantised latents, each (C, h, w), that the synthesis transform receives."""
        ...


@runtime_checkable
class SupportsDecodingWithLatents(SupportsLatents, Protocol):
    """What a codec may add to `SupportsLatents` so that nothing is decoded twice."""

    def decode_with_latents(self, bitstreams: Sequence[bytes], /) -> tuple[Tensor, list[Tensor]]:
        """What ``decode`` and ``decode_latents`` return, from one decoding."""
        ...


@runtime_checkable
class SupportsEncoderLatents(SupportsLatents, Protocol):
    """What a codec may add to `SupportsLatents` so that either side's latents are compared."""

    def encode_latents(self, images: Tensor, /) -> list[Tensor]:
        """The quantised latents that ``encode`` writes for an image batch (B, 3, H, W).

        B of them, each (C, h, w): what ``decode_latents`` has to find in its bitstreams.
        """
        ...


@runtime_checkable
class SupportsPasses(Protocol):
    """What a codec may add to `Codec` so that the first bytes of a stream give a picture."""

    def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
        """How many of a whole bitstream's first bytes each number of passes needs, from 1 on.

        The last is the length of the bitstream; a codec that decodes all at once has no other.

        Raises:
            pytest_lic.errors.BitstreamError: a bitstream that this codec can't decode.
        """
        ...

    def decode(self, bitstreams: Sequence[bytes], /, *, passes: int | None = None) -> Tensor:
        """As `Codec.decode`; with ``passes``, of the first passes alone.

        Each bitstream may then end where these do; what later passes hold is guessed.

        Raises:
            pytest_lic.errors.TruncatedBitstreamError: one that ends before that.
            pytest_lic.errors.UsageError: a number of passes that there are not.
        """
        ...


@runtime_checkable
class SupportsRateControl(Protocol):
    """What a codec may add to `Codec` so that it codes at many rates, and meets one asked for.

    See `pytest_lic.rate_matching`.
    """

    @property
    def levels(self) -> Levels:
        """The range of levels, from the lowest rate to the highest."""
        ...

    def encode(self, images: Tensor, /, *, level: float | None = None) -> list[bytes]:
        """As `Codec.encode`; with ``level``, at the one next to it in place of the codec's own.

        Raises:
            pytest_lic.errors.UsageError: a level outside the range.
        """
        ...

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """As `Codec.decode`, of bitstreams of any levels."""
        ...


@runtime_checkable
class SupportsEstimate(Protocol):
    """What a codec may add to `Codec` so that its rate is compared with what it expects."""

    def estimated_bits(self, images: Tensor, /) -> list[float]:
        """Of an image batch (B, 3, H, W): the bits that its likelihoods let expect of each."""
        ...


@runtime_checkable
class SupportsMemoryFormat(Protocol):
    """What a codec may add to `Codec` so that it is checked in torch's other memory format too."""

    def swap_memory_format(self) -> None:
        """From now on code with ``channels_last`` tensors in place of contiguous ones, or back.

        Raises:
            pytest_lic.errors.UnavailableError: only one of them suits it.
        """
        ...


@runtime_checkable
class SupportsRemarks(Protocol):
    """What a codec may add to `Codec` so that a run says what its author may not expect."""

    def remarks(self) -> Sequence[str]:
        """Such as the padding that was found out; the round trip's report shows them."""
        ...


@runtime_checkable
class SupportsStages(Protocol):
    """What a codec may add to `Codec` so that its time is told stage by stage."""

    def stages(self) -> Mapping[str, nn.Module]:
        """Stage → the module that does it, in the order of coding.

        Such as ``analysis``, ``hyper-analysis``, ``hyper-synthesis`` and ``synthesis``. Each must
        be one that coding *calls*, since hooks on it take its time; what none of them does counts
        as entropy coding and the rest.
        """
        ...


@runtime_checkable
class SupportsDecoderStages(Protocol):
    """What a codec may add to `Codec` so that machines are compared stage by stage."""

    def decode_stages(self, bitstream: bytes, /) -> Iterator[tuple[str, Tensor]]:
        """Stage and tensor of any shape, in the order in which ``decode`` computes them.

        Such as ``hyper-latents``, ``hyper-synthesis``, ``table indices``, ``symbols``, ``latents``,
        which is what the synthesis transform receives, and ``synthesis``. No name comes twice.
        Where decoding fails, its error is raised after the stages that it came to.

        Raises:
            pytest_lic.errors.BitstreamError: a bitstream that this codec can't decode.
        """
        ...


@runtime_checkable
class SupportsWeights(Protocol):
    """What a codec may add to `Codec` so that its parameters are counted.

    Those of a codec that is an ``nn.Module``, or that holds some as attributes, are found without.
    """

    def weights(self) -> Iterable[Tensor]:
        """The tensors that were trained; those of an entropy coder's tables are none."""
        ...


@runtime_checkable
class SupportsParts(Protocol):
    """What a codec may add to `Codec` so that an old bitstream which breaks says why."""

    def part_digests(self) -> Mapping[str, str]:
        """Part → a digest that changes when the part does, the same on every machine.

        Such as ``weights`` and ``tables`` (the entropy coder's). They are recorded with each
        conformance bitstream, and named where they have changed since.
        """
        ...


@dataclass(frozen=True)
class CodecFamily:
    """A named codec with its ordered qualities.

    Args:
        name: letters, digits and ``. _ + -``, such as ``msh-gsdn``.
        qualities: label → λ, from the lowest rate to the highest; λ is None where the codec has
            none. A plain sequence of labels is accepted.
        build: ``build(quality, device)`` returns the `Codec`; called once per network, lazily, and
            again in the processes that check determinism. ``device`` is ``"cpu"``, ``"cuda"`` or
            ``"cuda:1"``.
        tags: component → choice, such as ``{"nonlinearity": "gdn"}``; `--lic-component` selects
            on them. The choice is ``fixed`` where another component leaves none, such as a
            transform that has a non-linearity of its own: ``pytest-lic ablation`` then compares
            the codec with those of any choice.
        fingerprint: ``fingerprint(quality)`` returns a text that changes whenever the weights or
            parameters do, or None where that can't be told; then nothing is cached between runs.
        unavailable: returns the reason why the family can't run here, or None.
        devices: the device types that the codec can run on.
        one_network: one network serves every quality (variable rate), so that all of them are
            kept in one process.
        trained: False for weights that nobody trained: rate and quality mean nothing then, so the
            family is only ever timed, and only where it is asked for. It gets the tag
            ``weights=untrained``.
        format_version: 1 to 255; raise it to break with the bitstreams of older releases. Codecs
            that pack theirs with `pytest_lic.container` write it into them, so that an old stream
            is refused by name.
        default_qualities: those that a run takes which is not told any codec, quality, λ or
            component; None takes all, none of them leaves the family out.
        decodes: the name of another family whose old bitstreams this one decodes too, quality by
            quality, such as the one that it was adapted from: the conformance gate holds it to
            that.
        levels: the range of the codecs' rate control, where each of them has one (see
            `SupportsRateControl`): the family can then be measured at any rate within it.
    """

    name: str
    qualities: Mapping[str, float | None]
    build: Callable[[str, str], Codec]
    tags: Mapping[str, str] = field(default_factory=dict)
    fingerprint: Callable[[str], str | None] | None = None
    unavailable: Callable[[], str | None] | None = None
    devices: Sequence[str] = ("cpu", "cuda")
    one_network: bool = False
    trained: bool = True
    format_version: int = 1
    default_qualities: Sequence[str] | None = None
    decodes: str | None = None
    levels: Levels | None = None

    def __post_init__(self) -> None:
        check_name("codec family", self.name)
        labels = self.qualities
        if isinstance(labels, str):
            labels = [labels]
        pairs = (
            labels.items() if isinstance(labels, Mapping) else [(label, None) for label in labels]
        )
        qualities = {str(label): lmbda for label, lmbda in pairs}
        if len(qualities) < len(labels):
            raise UsageError(f"codec family {self.name!r}: two qualities have the same label")
        if not qualities:
            raise UsageError(f"codec family {self.name!r} has no qualities; expected at least one")
        for label in qualities:
            if not _NAME.fullmatch(label):
                raise UsageError(
                    f"codec family {self.name!r}: quality label {label!r} must be made of letters, "
                    "digits and . _ + -"
                )
            lmbda = qualities[label]
            if lmbda is not None and not (isinstance(lmbda, int | float) and 0 < lmbda < math.inf):
                raise UsageError(
                    f"codec family {self.name!r}: λ of quality {label} is {lmbda!r}; expected a "
                    "positive number, or None"
                )
        if isinstance(self.default_qualities, str):
            object.__setattr__(self, "default_qualities", [self.default_qualities])
        for label in self.default_qualities or ():
            if label not in qualities:
                raise UsageError(
                    f"codec family {self.name!r}: default_qualities has {label!r}; expected some "
                    f"of {', '.join(qualities)}"
                )
        if self.decodes is not None:
            check_name(f"codec family {self.name!r}: decodes, a codec family", self.decodes)
        check_format_version(self.format_version, f"codec family {self.name!r}: format_version")
        tags = dict(self.tags) if self.trained else {**self.tags, "weights": "untrained"}
        object.__setattr__(self, "qualities", MappingProxyType(qualities))
        object.__setattr__(self, "tags", MappingProxyType(tags))
        object.__setattr__(self, "devices", tuple(self.devices))

    def network(self, quality: str) -> str:
        """The name of the network that serves ``quality``; equal names share one network."""
        return self.name if self.one_network else f"{self.name}-q{quality}"


def check_format_version(version: object, where: str) -> int:
    """``version`` itself, if it is a whole number from 1 to 255.

    Raises:
        UsageError: naming ``where`` it stands.
    """
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= 255:
        raise UsageError(f"{where} is {version!r}; expected a whole number from 1 to 255")
    return version


def check_name(kind: str, name: object) -> None:
    """Refuse a name that could not stand in a test's id.

    Raises:
        UsageError: saying what ``kind`` of thing has it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{kind} name {name!r}: expected letters, digits and . _ + -, beginning with a letter "
            "or digit, such as 'msh-gsdn'"
        )
