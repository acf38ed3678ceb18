"""Quantizers, coders, context models, samplers under test, and the tests that each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from pytest_lic.context_model import ContextModelUnderTest
from pytest_lic.entropy_coder import CoderUnderTest, TableMaker
from pytest_lic.errors import UsageError
from pytest_lic.project.registration import Registered, entry_points
from pytest_lic.quantizer import QuantizerUnderTest
from pytest_lic.sampler import SamplerUnderTest
from pytest_lic.vector_quantizer import VectorQuantizerUnderTest

Subject = (
    QuantizerUnderTest
    | VectorQuantizerUnderTest
    | CoderUnderTest
    | TableMaker
    | ContextModelUnderTest
    | SamplerUnderTest
)

FIXTURES: Mapping[str, type[Subject]] = {
    "lic_quantizer": QuantizerUnderTest,
    "lic_vector_quantizer": VectorQuantizerUnderTest,
    "lic_coder": CoderUnderTest,
    "lic_table_maker": TableMaker,
    "lic_context_model": ContextModelUnderTest,
    "lic_sampler": SamplerUnderTest,
}
"""The arguments that stand for what is under test, and its class."""
PROMISE = "lic_promise"
"""The marker of a test of what only some promise."""
_KINDS: Mapping[str, tuple[type[Subject], ...]] = {
    "quantizers": (QuantizerUnderTest,),
    "vector_quantizers": (VectorQuantizerUnderTest,),
    "coders": (CoderUnderTest, TableMaker),
    "context_models": (ContextModelUnderTest,),
    "samplers": (SamplerUnderTest,),
}
"""Hooks and groups of entry points, after ``pytest_lic`` → what they give."""

UnderTest = Mapping[str, Sequence[Subject]]
"""Fixture → all that hooks and entry points register for it, in the order in which it was found."""


def under_test(config: pytest.Config) -> UnderTest:
    """What the hooks and the entry points of each kind of thing under test give.

    Raises:
        UsageError: a hook or an entry point that fails or yields something else, or two things of
            one kind with one name.
    """
    subjects: list[Subject] = []
    for kind, classes in _KINDS.items():
        what = "coders or table makers" if kind == "coders" else kind.replace("_", " ")
        found = Registered[Subject](what, classes)
        hook = f"pytest_lic_{kind}"
        found.add_hooks(hook, getattr(config.hook, hook))
        for entry in entry_points(f"pytest_lic.{kind}"):
            found.add_entry_point(entry)
        subjects += found.by_name.values()
    return {
        fixture: [subject for subject in subjects if isinstance(subject, kind)]
        for fixture, kind in FIXTURES.items()
    }


def parametrize(metafunc: pytest.Metafunc, registered: UnderTest) -> None:
    """Spread a test that takes one of `FIXTURES` over what is under test.

    One that is marked ``lic_promise("ties")`` or ``lic_promise(noise="uniform")`` gets those that
    promise so; where none does, it is skipped and says so.

    Raises:
        UsageError: a marker that names no promise.
    """
    for fixture in FIXTURES:
        if fixture in metafunc.fixturenames:
            what = fixture.removeprefix("lic_").replace("_", " ")
            chosen, reason = _promising(metafunc, registered[fixture], what)
            params = [pytest.param(subject, id=subject.name) for subject in chosen]
            spread(metafunc, fixture, params, reason)


def spread(metafunc: pytest.Metafunc, fixture: str, params: Sequence[object], if_none: str) -> None:
    """One test per parameter; where there is none, one that is skipped and says why."""
    skipped = pytest.param(None, marks=pytest.mark.skip(reason=if_none), id="none")
    metafunc.parametrize(fixture, params or [skipped])


def _promising(
    metafunc: pytest.Metafunc, subjects: Sequence[Subject], what: str
) -> tuple[list[Subject], str]:
    """Those that promise what the test's markers say, and why there is none."""
    chosen, promises = list(subjects), []
    for marker in metafunc.definition.iter_markers(PROMISE):
        if subjects:
            for promise in (*marker.args, *marker.kwargs):
                if not hasattr(subjects[0], promise):
                    raise UsageError(
                        f"{metafunc.definition.nodeid}: {PROMISE} names {promise!r}, which a "
                        f"{what} can't promise"
                    )
        promises += [*marker.args, *(f"{name}={value}" for name, value in marker.kwargs.items())]
        chosen = [
            subject
            for subject in chosen
            if all(getattr(subject, promise) not in (None, False) for promise in marker.args)
            and all(getattr(subject, name) == value for name, value in marker.kwargs.items())
        ]
    if not promises:
        return chosen, f"no {what} is registered"
    return chosen, f"no {what} promises {', '.join(promises)}"
