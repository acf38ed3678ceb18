"""What a codec used beside its input in a fresh process, and what its answer there hangs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_lic.checks.fresh_process import (
    DecodedBatch,
    EncodedBatch,
    EndedError,
    FreshProcess,
)
from pytest_lic.errors import CodecError
from pytest_lic.images.corpus import Image
from pytest_lic.system.audit import Deed, Touched
from pytest_lic.system.circumstances import Circumstance
from pytest_lic.system.groups import grouped
from pytest_lic.system.places import without_place
from pytest_lic.system.words import listed

_SHOWN = 2  # files of a kind in a remark


def check_touched(
    batches: Sequence[Sequence[Image]],
    decoded: Sequence[DecodedBatch],
    encoded: Sequence[EncodedBatch],
) -> str | None:
    """Only the bitstream may tell a decoder what to draw.

    Returns:
        A remark on what else encoder or decoder read, wrote, set or connected to, else None.

    Raises:
        CodecError: the decoder read an image of the corpus, also while it was built, or what the
            encoder writes.
    """
    names = [image.name for images in batches for image in images]
    written = {each.what for batch in encoded for each in batch.touched if each.deed is Deed.WROTE}
    for images, batch in zip(batches, decoded, strict=True):
        for each in batch.touched:
            why = None
            if each.deed not in (Deed.READ, Deed.BUILT_FROM, Deed.HELD):
                continue
            if any(each.what.endswith(f"/{name}") for name in names):
                why = "is an image of the corpus"
            elif each.what in written:
                why = "the encoder writes"
            if why is not None:
                of = listed([image.name for image in images], 4)
                raise CodecError(
                    f"{of}: decoder {each}, which {why}: a bitstream must hold all that "
                    "its decoder needs, or its length is not the rate"
                )
    remarks = [*_told("decoder", decoded), *_told("encoder", encoded)]
    if not remarks:
        return None
    return f"{'; '.join(remarks)}: nobody else has that who decodes its bitstreams"


def culprits(fresh: FreshProcess, outcome: Callable[[FreshProcess], object]) -> str:
    """Which circumstances of a fresh process the codec hangs on, as the end of a message.

    They are looked for once with each process, since each is tried in another one, which takes
    seconds to start; afterwards, and where the process died or hung, the text is empty.

    Args:
        fresh: the process that does not do as this one does.
        outcome: what a process makes of the same task, to be compared; it may raise a CodecError.
    """
    if fresh.searched:
        return ""
    fresh.searched = True

    def tried(*kept: Circumstance) -> object:
        with fresh.like(kept) as process:
            try:
                return outcome(process)
            except EndedError:
                raise
            except CodecError as error:
                return without_place(str(error))

    try:
        base = tried()
        if tried() != base:
            return "; in each process it is another one"
        if tried(*Circumstance) == base:
            return ""
        found = [kept.value for kept in Circumstance if tried(kept) != base]
    except EndedError:
        return ""
    return f"; it hangs on {' and on '.join(found)}" if found else ""


def _told(side: str, batches: Iterable[DecodedBatch | EncodedBatch]) -> list[str]:
    touched: dict[Touched, None] = {each: None for batch in batches for each in batch.touched}
    by_deed = grouped((each.deed, each.what) for each in touched)
    return [f"{side} {deed} {listed(whats, _SHOWN)}" for deed, whats in by_deed.items()]
