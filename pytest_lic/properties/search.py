"""The search for an example that breaks a property, and what is said of the smallest one."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from pytest_lic.errors import PropertyError, is_crash
from pytest_lic.measuring.coding import cpu_threads
from pytest_lic.project.registration import Named

Example = TypeVar("Example")

FALSE_ALARM = 1e-6
"""How often a statistical test fails a right quantizer: once in a million seeds."""
RATE = f"a false alarm in {1 / FALSE_ALARM:,.0f} seeds"
"""The same, for messages."""


@dataclass(frozen=True)
class Broken:
    """Both sides of an example that breaks a property."""

    expected: str
    came: str


def for_all(
    subject: Named,
    claim: str,
    examples: SearchStrategy[Example],
    check: Callable[[Example], Broken | None],
    show: Callable[[Example], str] = repr,
    share: float = 1,
) -> None:
    """Look for an example of which ``check`` says that it breaks the property, and shrink it.

    An exception that ``check`` raises breaks the property too. What is broken only now and then
    can't be shrunk; of the examples met, the one with the shortest text is told. Of a list, one
    element is told if it breaks the property alone.

    Args:
        subject: what is under test.
        claim: the property, for the message.
        examples: what to look among.
        check: both sides where the property is broken, otherwise None.
        show: an example as text.
        share: of the examples that other searches look at, where each takes long.

    Raises:
        PropertyError: telling the smallest example, what was expected and what came.
    """
    errors: list[PropertyError] = []

    def tried(example: Example) -> tuple[Broken | None, BaseException | None]:
        try:
            return check(example), None
        except BaseException as error:
            if not is_crash(error):
                raise
            return Broken("no exception", described(error)), error

    def attempt(example: Example) -> None:
        broken, cause = tried(example)
        if broken is not None and isinstance(example, list):
            # One element that breaks it alone says more than a list that shrinks no further.
            singles: list[Any] = [[element] for element in example]
            for single in singles:
                alone, its_cause = tried(single)
                if alone is not None:
                    example, broken, cause = single, alone, its_cause
                    break
        if broken is not None:
            lines = (
                f"{subject.name} breaks a property: {claim}",
                f"  input     {show(example)}",
                f"  expected  {broken.expected}",
                f"  came      {broken.came}",
            )
            errors.append(PropertyError("\n".join(lines)))
            raise errors[-1] from cause

    # What Hypothesis takes for another test: searches begin elsewhere, and in a user's database of
    # failures none is replayed for another property. Its pytest plugin does so for parameters.
    attempt._hypothesis_internal_add_digest = f"{subject.name}: {claim}".encode()  # type: ignore[attr-defined]
    try:
        # Of small tensors, and many: a second thread costs several times what it does.
        with cpu_threads(1) if "torch" in sys.modules else nullcontext():
            search_settings(share)(given(examples)(attempt))()
    except Flaky as error:
        shortest = min(map(str, errors), key=len)
        raise PropertyError(f"{shortest}\n  not always: the same input also passed") from error


def search_settings(share: float = 1) -> settings:
    """The settings of every search, with a share of the examples.

    The same examples in each run and no database of failures, unless the user loaded a profile of
    their own (``--hypothesis-profile``), whose settings then hold. Without a deadline, for the
    first call of many a library takes long.
    """
    chosen = settings.default
    assert chosen is not None
    fixed = settings.get_current_profile_name() in ("default", "ci")
    if fixed:
        chosen = settings(chosen, derandomize=True, database=None)
    return settings(
        chosen,
        max_examples=max(1, round(share * chosen.max_examples)),
        deadline=None,
        phases=[phase for phase in chosen.phases if phase is not Phase.explain],
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def described(error: BaseException) -> str:
    """An exception in a line: its type, its text, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text} ({Path(frame.filename).name}:{frame.lineno})"
