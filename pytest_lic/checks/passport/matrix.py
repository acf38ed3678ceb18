"""Many stamps as who decodes whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pytest_lic.checks.passport.stamp import Checked, Side, Stamp
from pytest_lic.errors import PassportError


@dataclass(frozen=True)
class PassportMatrix:
    """Who decodes whom.

    Args:
        machines: every encoder and decoder, sorted.
        pairs: encoder and decoder → how each operating point fared.
    """

    machines: tuple[str, ...]
    pairs: Mapping[tuple[str, str], tuple[Checked, ...]]

    @property
    def broken(self) -> tuple[tuple[str, str, Checked], ...]:
        """Encoder, decoder and operating point of all that is out of step."""
        return tuple(
            (*pair, checked)
            for pair, several in self.pairs.items()
            for checked in several
            if checked.broken
        )


def matrix_of(stamps: Mapping[Path, Stamp]) -> PassportMatrix:
    """The matrix of some stamps' files.

    Raises:
        PassportError: one name for two environments, or two stamps of one pair and codec.
    """
    sides: dict[str, tuple[Side, Path]] = {}
    pairs: dict[tuple[str, str], list[Checked]] = {}
    told: dict[tuple[str, str, str], Path] = {}
    for path, stamp in stamps.items():
        for side in (stamp.encoder, stamp.decoder):
            known, where = sides.setdefault(side.machine, (side, path))
            if known != side:
                raise PassportError(
                    f"{where} and {path} call two environments {side.machine!r}; give each a name "
                    "with --name where packs are made and checked"
                )
        pair = (stamp.encoder.machine, stamp.decoder.machine)
        for checked in stamp.codecs:  # one name comes again where a pack is of several corpora
            where = told.setdefault((*pair, checked.name), path)
            if where != path:
                raise PassportError(
                    f"{where} and {path} both tell of {checked.name}, encoded by {pair[0]} and "
                    f"decoded by {pair[1]}; leave one out"
                )
        pairs.setdefault(pair, []).extend(stamp.codecs)
    return PassportMatrix(
        tuple(sorted(set(chain.from_iterable(pairs)))),
        {pair: tuple(pairs[pair]) for pair in sorted(pairs)},
    )
