"""What must hold of every sampler of relative-entropy coding, but for how its draws are spread.

Bytes and the prior give the draw, in any order and any thread; damage is refused, or harmless.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from pytest_lic.properties.gaussian_pairs import Arrays, Floats, Pair, counted, pairs_of, shown
from pytest_lic.properties.search import Broken, described, for_all
from pytest_lic.sampler import SamplerUnderTest
from pytest_lic.strategies import mutated_bitstreams
from pytest_lic.system.watchdog import guarded

_SHARE = 0.1
"""Of a search's examples: samplers take long."""
_THREADS = 2


def round_trip(subject: SamplerUnderTest) -> None:
    """Bytes and the prior give the draw to the bit, in a sampler that coded nothing before.

    Draws are finite float64 (n,), and strings bytes.

    Raises:
        PropertyError: another draw, or one of another type.
    """

    def check(pair: Pair) -> Broken | None:
        arrays = pair.arrays()
        string, draw = subject.build(pair.seed).encode(*arrays)
        if not isinstance(string, bytes):
            return Broken("encode to give bytes and a draw", f"{string!r:.80}")
        broken = _unlike(draw, pair.count, "the draw")
        if broken is not None:
            return broken
        decoded = subject.build(pair.seed).decode(string, *arrays[2:])
        return _unlike(decoded, pair.count, "what is decoded") or _differing(
            draw, decoded, f"decoded of {len(string)} bytes as it was drawn"
        )

    for_all(subject, "what is drawn decodes", pairs_of(subject), check, shown, _SHARE)


def no_dimensions(subject: SamplerUnderTest) -> None:
    """A pair without dimensions has a string that decodes to no draw.

    Raises:
        PropertyError: it has not.
    """

    def check(pair: Pair) -> Broken | None:
        string, draw = subject.build(pair.seed).encode(*pair.arrays())
        decoded = subject.build(pair.seed).decode(string, *pair.arrays()[2:])
        return _unlike(draw, 0, "the draw") or _unlike(decoded, 0, "what is decoded")

    examples = st.just(Pair(seed=0, count=0, drawn=0, bits=1.0))
    for_all(subject, "an empty pair decodes", examples, check, shown)


def same_bytes(subject: SamplerUnderTest) -> None:
    """The same pair and seed give the same bytes and draw, whatever was coded before.

    Raises:
        PropertyError: they give others.
    """
    examples = st.tuples(pairs_of(subject), pairs_of(subject, most=5))

    def check(example: tuple[Pair, Pair]) -> Broken | None:
        pair, before = example
        arrays, others = pair.arrays(), before.arrays()
        used = subject.build(pair.seed)
        used.decode(used.encode(*others)[0], *others[2:])
        string, draw = subject.build(pair.seed).encode(*arrays)
        again = used.encode(*arrays)
        return _differs((string, draw), again, "after another pair") or _differing(
            draw, used.decode(string, *arrays[2:]), "decoded after another pair as it was drawn"
        )

    claim = "the same bytes and draw every time"
    for_all(subject, claim, examples, check, lambda both: _after(*both), _SHARE)


def threads(subject: SamplerUnderTest) -> None:
    """Threads that code at once, with one object, get what each would get alone.

    Raises:
        PropertyError: one gets other bytes, or another draw.
    """
    one = pairs_of(subject, most=12)
    examples = st.tuples(one, one)

    def check(example: tuple[Pair, Pair]) -> Broken | None:
        all_arrays = [pair.arrays() for pair in example]
        seed = example[0].seed
        alone = [subject.build(seed).encode(*arrays) for arrays in all_arrays]
        shared = subject.build(seed)
        with ThreadPoolExecutor(_THREADS) as pool:
            together = list(pool.map(lambda arrays: shared.encode(*arrays), all_arrays))
            strings = [string for string, _ in alone]
            priors = [arrays[2:] for arrays in all_arrays]
            decoded = list(
                pool.map(lambda string, prior: shared.decode(string, *prior), strings, priors)
            )
        for known, came, draw in zip(alone, together, decoded, strict=True):
            broken = _differs(known, came, "in two threads")
            broken = broken or _differing(known[1], draw, "decoded in two threads as it was drawn")
            if broken is not None:
                return broken
        return None

    claim = "threads code alike"
    for_all(subject, claim, examples, check, lambda both: _after(*both), _SHARE / 2)


def independent_of_others(subject: SamplerUnderTest) -> None:
    """A dimension's draw is the same whatever is coded beside it.

    What is coded is cut behind a dimension; and the posterior of the first one is made its prior.

    Raises:
        PropertyError: a draw that moves.
    """

    def check(pair: Pair) -> Broken | None:
        arrays = pair.arrays()
        sampler = subject.build(pair.seed)
        draw = sampler.encode(*arrays)[1]
        cut = (pair.count + 1) // 2
        part: Arrays = tuple(each[:cut] for each in arrays)  # type: ignore[assignment]
        broken = _differing(draw[:cut], sampler.encode(*part)[1], f"drawn alike in a pair of {cut}")
        if broken is not None:
            return broken
        means, scales, prior_means, prior_scales = (each.copy() for each in arrays)
        means[0], scales[0] = prior_means[0], prior_scales[0]
        other = sampler.encode(means, scales, prior_means, prior_scales)[1]
        what = "drawn alike with another posterior in dimension 0"
        return _differing(draw[1:], other[1:], what, first=1)

    claim = "a draw is independent of other dimensions"
    for_all(subject, claim, pairs_of(subject, least=2), check, shown, _SHARE)


@dataclass(frozen=True)
class _Damaged:
    pair: Pair
    string: bytes
    ways: str


def damaged_strings(subject: SamplerUnderTest) -> None:
    """A damaged string is refused, or decodes to a finite draw: cut, lengthened, overwritten.

    Under pytest it may take as long as ``--lic-timeout`` says.

    Raises:
        PropertyError: another exception, no end, or a draw of another shape or that is not finite.
    """
    bits = 4.0 if subject.most_bits is None else min(subject.most_bits, 4.0)
    coded = [Pair(1, count, count, bits, subject.wide) for count in (1, 6, 40)]
    strings = [subject.build(pair.seed).encode(*pair.arrays())[0] for pair in coded]

    def cut(which: int, length: int) -> _Damaged:
        length = min(length, max(0, len(strings[which]) - 1))
        return _Damaged(coded[which], strings[which][:length], f"cut to {length} bytes")

    def longer(which: int, more: bytes) -> _Damaged:
        return _Damaged(coded[which], strings[which] + more, f"{len(more)} bytes longer")

    def overwritten(which: int, byte: int) -> _Damaged:
        string = bytes([byte]) * len(strings[which])
        return _Damaged(coded[which], string, f"all bytes {byte}")

    which = st.integers(0, len(coded) - 1)
    anything = st.builds(
        lambda number, mutated: _Damaged(coded[number], mutated.bitstream, ", ".join(mutated.ways)),
        which,
        mutated_bitstreams(strings),
    )
    examples = st.one_of(
        st.builds(cut, which, st.integers(0, 40)),
        st.builds(longer, which, st.binary(min_size=1, max_size=3)),
        st.builds(overwritten, which, st.sampled_from([0, 255, 127])),
        anything,
    )

    def check(damaged: _Damaged) -> Broken | None:
        priors, count = damaged.pair.arrays()[2:], damaged.pair.count
        refuses = _refuses(subject)
        # Outside of what catches refusals: a step that is stopped raises an error of its own.
        with guarded("a damaged string"), np.errstate(all="ignore"):
            try:
                decoded = subject.build(damaged.pair.seed).decode(damaged.string, *priors)
            except refuses as error:
                return None if str(error) else Broken("a refusal with a text", described(error))
            except Exception as error:
                return Broken(f"a draw, or {_named(subject)}", described(error))
        return _unlike(decoded, count, f"a refusal with {_named(subject)}, or the draw")

    def show(damaged: _Damaged) -> str:
        return f"{_hex(damaged.string)} ({damaged.ways}) for {counted(damaged.pair.count)}"

    claim = "damaged strings are refused or decode to something finite"
    for_all(subject, claim, examples, check, show)


def refusal(subject: SamplerUnderTest) -> None:
    """Pairs that can't be coded raise the promised exception, with a text.

    Means that are not finite, scales that are not or not above 0, and a divergence of more than
    ``most_bits``, where there is such a limit.

    Raises:
        PropertyError: another exception, or a string.
    """
    nonsense = [
        (at, value)
        for at in range(4)
        for value in (np.nan, np.inf, *((0.0, -1.0) if at % 2 else ()))
    ]
    wrong = {
        f"{('posterior', 'prior')[at // 2]} {('mean', 'scale')[at % 2]} of {value:g}": (at, value)
        for at, value in nonsense
    }
    if subject.most_bits is not None:
        too_many = 1.5 * subject.most_bits + 2
        scale, mean = 2.0**-too_many, np.sqrt(2 * np.log(2) * too_many)
        wrong[f"posterior scale of {scale:g}, the prior's 1"] = (1, scale)
        wrong[f"posterior mean of {mean:g}, the prior's 0 ± 1"] = (0, float(mean))

    def check(name: str) -> Broken | None:
        at, value = wrong[name]
        arrays: list[Floats] = [np.zeros(3), np.full(3, 0.9), np.zeros(3), np.ones(3)]
        arrays[at][1] = value
        refuses = _refuses(subject)
        with guarded("a pair that can't be coded"), np.errstate(all="ignore"):
            try:
                string, draw = subject.build(0).encode(*arrays)
            except refuses as error:
                return None if str(error) else Broken("a refusal with a text", described(error))
        return Broken(_named(subject), f"{_hex(string)} and the draw {draw}")

    examples = st.sampled_from(list(wrong))
    claim = "a clear error for what can't be coded"
    for_all(subject, claim, examples, check, lambda name: f"a {name} in dimension 1 of 3")


def _refuses(subject: SamplerUnderTest) -> tuple[type[Exception], ...]:
    return subject.refuses if isinstance(subject.refuses, tuple) else (subject.refuses,)


def _named(subject: SamplerUnderTest) -> str:
    return " or ".join(kind.__name__ for kind in _refuses(subject))


def _unlike(draw: object, count: int, what: str) -> Broken | None:
    """Where it is no finite float64 (n,)."""
    found = np.asarray(draw)
    if found.dtype != np.float64 or found.shape != (count,):
        return Broken(f"{what}, float64 of shape ({count},)", f"{found.dtype} {found.shape}")
    wrong = np.flatnonzero(~np.isfinite(found))
    if not wrong.size:
        return None
    return Broken(f"{what}, finite", f"{found[wrong[0]]} in dimension {wrong[0]}")


def _differing(known: Floats, came: Floats, what: str, first: int = 0) -> Broken | None:
    """Where two draws are not the same to the bit."""
    came = np.asarray(came)
    if came.shape != known.shape:
        return Broken(f"a draw of shape {known.shape} {what}", f"one of shape {came.shape}")
    wrong = np.flatnonzero(came != known)
    if not wrong.size:
        return None
    at = wrong[0]
    return Broken(
        f"dimension {at + first} {what}: {known[at]!r}",
        f"{came[at]!r}; {wrong.size} of {known.size} differ, this is the first",
    )


def _differs(known: tuple[bytes, Floats], came: tuple[bytes, Floats], when: str) -> Broken | None:
    """Where a string or a draw is another one."""
    if came[0] != known[0]:
        return Broken(f"{_hex(known[0])} {when} too", _hex(came[0]))
    return _differing(known[1], came[1], f"drawn {when} as alone")


def _after(pair: Pair, other: Pair) -> str:
    return f"{shown(pair)}\n            beside {shown(other)}"


def _hex(string: bytes) -> str:
    more = "…" if len(string) > 16 else ""
    return f"{len(string)} bytes {string[:16].hex()}{more}"
