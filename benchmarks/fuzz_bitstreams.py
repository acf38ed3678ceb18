"""A campaign of damaged bitstreams against the decoders: how many came to what.

    python benchmarks/fuzz_bitstreams.py [--streams 100000] [--codec 'msh-*'] [--jobs 2]
                                         [--project FOLDER] [--first 0] [--kept found]

Each bitstream is an intact one of a small image, changed in one to three ways: bits flipped, cut,
spliced, sections swapped or twice, lengths and sizes edited, with and without a repaired checksum
(`pytest_lic.checks.hostile.mutations`). It is decoded in a process with 2 GiB to allocate. A
decoder may refuse it with a `pytest_lic.errors` error, or decode it to some image of the size that
its header tells; all else is listed, kept in a folder, and makes the exit status 1. The numbers
decide what is changed how: the same numbers give the same bitstreams again.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.checks.hostile.outcome import Outcome, Tally
from pytest_lic.checks.hostile.process import HostileProcess
from pytest_lic.errors import LicError, UnknownNameError
from pytest_lic.project.discovery import Origin, discover, pytest_config


@dataclass(frozen=True)
class Part:
    """The bitstreams of one quality that one child decodes."""

    family: str
    quality: str
    numbers: range


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--streams", type=int, default=100_000, help="in all (default: %(default)s)"
    )
    parser.add_argument("--codec", action="append", default=[], metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="whose conftest.py counts")
    parser.add_argument("--first", type=int, default=0, help="number of the first of each codec")
    parser.add_argument("--kept", type=Path, default=Path("found"), help="folder of what failed")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for a hundred of them")
    options = parser.parse_args()
    origin = Origin(str(options.project.resolve()), (), tuple(sys.path))
    try:
        parts = list(campaign(origin, options.codec, options.streams, options.first))
        tallies = decoded(origin, parts, options.jobs, options.timeout)
    except LicError as error:
        print(f"fuzz_bitstreams: {error}", file=sys.stderr)
        return 2
    print("\n".join(table(tallies)))
    failed = keep(tallies, options.kept)
    return 1 if failed else 0


def campaign(origin: Origin, globs: list[str], streams: int, first: int) -> Iterator[Part]:
    """As many bitstreams of each quality of each trained family, in all ``streams`` or a few more.

    Raises:
        UnknownNameError: a glob that no family answers to.
    """
    with pytest_config(origin) as config:
        families = [family for family in discover(config).by_name.values() if family.trained]
    names = [family.name for family in families]
    for glob in globs:
        if not fnmatch.filter(names, glob):
            raise UnknownNameError("codec", glob, names, "--codec")
    chosen = [
        (family.name, quality)
        for family in families
        if family.unavailable is None or family.unavailable() is None
        if not globs or any(fnmatch.fnmatchcase(family.name, glob) for glob in globs)
        for quality in family.qualities
    ]
    each = -(-streams // len(chosen))
    for family, quality in chosen:
        yield Part(family, quality, range(first, first + each))


def decoded(origin: Origin, parts: list[Part], jobs: int, timeout: float) -> dict[str, Tally]:
    """Family → what came of its bitstreams."""
    tallies = {part.family: Tally() for part in parts}
    done, start = 0, time.monotonic()

    def work(mine: list[Part]) -> None:
        nonlocal done
        with HostileProcess(origin, timeout) as child:
            for part in mine:
                tallies[part.family].add(
                    child.decode(part.family, part.quality, "cpu", part.numbers)
                )
                done += len(part.numbers)
                seconds = time.monotonic() - start
                print(
                    f"{part.family} q{part.quality}: {done} bitstreams after {seconds:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )

    # A child each; a family's qualities stay with one child, so that a tally has one writer.
    families = list(tallies)
    shares = [
        [part for part in parts if families.index(part.family) % jobs == job] for job in range(jobs)
    ]
    with ThreadPoolExecutor(jobs) as pool:
        for finished in [pool.submit(work, share) for share in shares]:
            finished.result()
    return tallies


def table(tallies: dict[str, Tally]) -> Iterator[str]:
    """A row for each family, and their sum."""
    whole = Tally()
    for tally in tallies.values():
        whole.add(tally)
    shown = [
        each for each in Outcome if whole.counts[each] or each in (Outcome.HUNG, Outcome.CRASHED)
    ]
    yield "| codec | bitstreams | " + " | ".join(each.value for each in shown) + " |"
    yield "|---" * (2 + len(shown)) + "|"
    for name, tally in [*tallies.items(), ("**all**", whole)]:
        cells = [f"{sum(tally.counts.values()):,}", *(f"{tally.counts[each]:,}" for each in shown)]
        yield f"| {name} | " + " | ".join(cells) + " |"


def keep(tallies: dict[str, Tally], folder: Path) -> int:
    """Write each bitstream that failed into ``folder``, and say what it did; how many."""
    failed = 0
    for family, tally in tallies.items():
        for failure in tally.failures:
            failed += 1
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{family}-{failure.number}-{failure.outcome.name.lower()}.bin"
            path.write_bytes(failure.bitstream)
            print(f"{path}: {failure.outcome.value} ({failure.ways}): {failure.words[:300]}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
