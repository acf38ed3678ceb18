"""What is said while a zoo trains, and in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from lic_models.zoo import ledger
from lic_models.zoo.ledger import Slice
from lic_models.zoo.networks import Network
from lic_models.zoo.slices import How, validation_loss
from lic_models.zoo.training import Outcome

_COLUMNS = ("network", "λ", "GP", "of", "minutes", "MP/s", "loss")


def opening(networks: Sequence[Network], minutes: float, slice_minutes: float, how: How) -> str:
    """What is going to be trained, and how."""
    begun = sum(network.checkpoint.is_file() for network in networks)
    return (
        f"{len(networks)} networks ({begun} begun) for {minutes:g} minutes on {how.device}, "
        f"{how.processes} at a time, {slice_minutes:.3g} minutes each by turns, "
        f"steps {'compiled' if how.compiled else 'not compiled'}"
    )


def slice_line(network: Network, done: Slice | str, passed: float, minutes: float) -> str:
    """What one slice came to, or why it failed."""
    clock = f"[{passed:.1f} of {minutes:g} min] {network.name}: "
    if isinstance(done, str):
        return f"{clock}failed, and is left out: {done}"
    so_far = network.trained()["pixels"] / 1e9
    loss = "" if done.loss is None else f", validation loss {done.loss:.4f}"
    return (
        f"{clock}{so_far:.3f} of {network.goal / 1e9:.3g} GP at "
        f"{done.megapixels_per_second:.2f} MP/s{loss}"
    )


def closing(networks: Sequence[Network], outcome: Outcome) -> Iterator[str]:
    """How far every network has come, and how fast this call was."""
    slices = [done for network in networks[:1] for done in ledger.read(network.runs)]
    totals = ledger.gigapixels(slices)
    rows = []
    for network in networks:
        own = [done for done in slices if done.network == network.name]
        latest = [done for done in outcome.slices if done.network == network.name]
        loss = validation_loss(network.runs / network.name)
        rows.append(
            (
                network.name,
                f"{network.lmbda:g}",
                f"{totals.get(network.name, 0.0):.3f}",
                f"{network.goal / 1e9:.3g}",
                f"{sum(done.minutes for done in own):.1f}",
                f"{latest[-1].megapixels_per_second:.2f}" if latest else "–",
                "–" if loss is None else f"{loss:.4f}",
            )
        )
    yield tabulate(rows, _COLUMNS, disable_numparse=True, colalign=("left", *["right"] * 6))
    pixels = sum(done.pixels for done in outcome.slices)
    if pixels:
        yield (
            f"{pixels / 1e9:.3f} gigapixels in {outcome.minutes:.1f} minutes: "
            f"{pixels / 1e6 / (60 * outcome.minutes):.2f} MP/s in all, start-up included"
        )
    unfinished = [network for network in networks if network.trained()["pixels"] < network.goal]
    failed = [network.name for network in networks if network.name in outcome.failed]
    if failed:
        yield f"failed: {', '.join(failed)}"
    if unfinished:
        yield f"{len(unfinished)} have not come to their end; the same command goes on with them"
