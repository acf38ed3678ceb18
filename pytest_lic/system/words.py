"""Counts and long lists in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def plural(count: int, noun: str) -> str:
    """Such as ``1 image`` or ``2 images``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def spanned(counts: Collection[int]) -> str:
    """Such as ``5``, or ``5 to 7``."""
    fewest, most = min(counts), max(counts)
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


def listed(names: Sequence[str], most: int) -> str:
    """At most so many names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def shortened(lines: Sequence[str], most: int, what: str = "more") -> list[str]:
    """At most so many lines, and one that says how many ``what`` there are."""
    more = [f"… and {len(lines) - most} {what}"] if len(lines) > most else []
    return [*lines[:most], *more]
