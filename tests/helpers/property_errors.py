"""What the error of a broken property must say."""

from __future__ import annotations


def assert_told(text: str, claim: str, example: str, expected: str, came: str) -> None:
    """The first line names culprit and property, the next ones the input and both sides."""
    first, *lines = text.splitlines()
    assert first == f"mutant breaks a property: {claim}"
    for label, part in {"input": example, "expected": expected, "came": came}.items():
        (line,) = (line for line in lines if line.startswith(f"  {label}"))
        assert part in line
