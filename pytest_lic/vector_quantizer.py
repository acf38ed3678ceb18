"""What a vector quantizer under test must do, and what it may promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pytest_lic.codec import check_name
from pytest_lic.errors import LicError, UsageError

if TYPE_CHECKING:
    from torch import Tensor


class VectorQuantizer(Protocol):
    """Codes the M channels of a position as C indices, one of each codebook, each of K entries.

    Each position is coded by itself: images, their sizes and batches make no difference.
    """

    def indices(self, latents: Tensor, /) -> Tensor:
        """Whole numbers 0 to K − 1, (B, C, h, w), for latents (B, M, h, w), float32."""
        ...

    def values(self, indices: Tensor, /) -> Tensor:
        """What the decoder gets, (B, M, h, w), float32."""
        ...


@dataclass(frozen=True)
class VectorQuantizerUnderTest:
    """A vector quantizer with what it promises; the suite ``properties`` tests that.

    Every one must give indices that its codebooks have, decode each of them to something finite,
    code an image alike alone and in a batch, and refuse an index that no entry has::

        class Mine:
            def indices(self, latents): ...     # float32 (B, M, h, w) -> int64 (B, C, h, w)
            def values(self, indices): ...      # -> float32 (B, M, h, w)

        def pytest_lic_vector_quantizers():
            yield VectorQuantizerUnderTest("mine", Mine, channels=4, entries=64)

    Args:
        name: letters, digits and ``. _ + -``.
        build: makes a `VectorQuantizer`, called several times: encoder and decoder are built apart.
        channels: M.
        entries: K, 2 or more.
        codebooks: C.
        nearest: no other entry of a single codebook would come nearer to the latent, but for
            rounding of float32. False where bits are weighed too, or stages follow each other.
        idempotent: what is decoded is quantized to itself. False for the same ones.
        refuses: what is raised for indices that no entry has, and for latents that are not finite.

    Raises:
        UsageError: a name or a number that is out of range.
    """

    name: str
    build: Callable[[], VectorQuantizer]
    channels: int
    entries: int
    codebooks: int = 1
    nearest: bool = True
    idempotent: bool = True
    refuses: type[Exception] | tuple[type[Exception], ...] = (LicError, ValueError, IndexError)

    def __post_init__(self) -> None:
        check_name("vector quantizer", self.name)
        for field, least in (("channels", 1), ("entries", 2), ("codebooks", 1)):
            if getattr(self, field) < least:
                raise UsageError(
                    f"vector quantizer {self.name!r}: {field}={getattr(self, field)!r}; "
                    f"expected {least} or more"
                )
