"""Which codecs differ in one component alone: the groups of an ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, Protocol, TypeVar

from pytest_lic.codec import FIXED
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.system.groups import grouped

DEFAULT_REFERENCES = ("gdn", "mean-scale", "gaussian", "float64", "none")
"""The variants that the others are compared with: of a group the first that it has."""


class Tagged(Protocol):
    """What has a name and component tags: a codec family, or what results tell of one."""

    @property
    def name(self) -> str:
        """Of the family."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Component → its choice."""


F = TypeVar("F", bound=Tagged)
_Tags = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Group(Generic[F]):
    """Codecs that agree in every tag but those of the ablation, the reference first.

    ``tags`` are those that they agree in; a codec that has one of them fixed agrees in any choice
    of it. ``reference`` is None where the variant that was asked for is not among them.
    """

    tags: Mapping[str, str]
    families: tuple[F, ...]
    reference: F | None


def is_learned(family: Tagged) -> bool:
    """Whether the family has components to swap; those tagged ``kind=classical`` have none."""
    return family.tags.get("kind") != "classical"


def variant_of(family: Tagged, by: Sequence[str]) -> str:
    """How a family is called within its group, such as ``gdn``, or ``msh/mean-scale``."""
    return "/".join(family.tags[tag] for tag in by)


def make_groups(
    families: Sequence[F], by: Sequence[str], reference: str | None
) -> tuple[list[Group[F]], list[F]]:
    """The groups of two variants and more, and the codecs that are alone.

    Args:
        families: the learned codecs in question.
        by: the tags that may differ within a group; mostly one.
        reference: a variant's name, or the first part of it; None takes the first that there is
            of `DEFAULT_REFERENCES`, or the first codec of a group without any.

    Raises:
        UnknownNameError: a tag that no codec has, or a reference that no group has.
        UsageError: no codec has another one to be compared with.
    """
    known = {tag for family in families for tag in family.tags}
    for tag in by:
        if tag not in known:
            raise UnknownNameError("component tag", tag, known, "--by")
    tagged = [family for family in families if set(by) <= set(family.tags)]
    by_others = grouped((frozenset(_others(family, by).items()), family) for family in tagged)
    by_others = _with_fixed(by_others, by)
    groups, alone = [], []
    for members in by_others.values():
        if len(_variants(members, by)) > 1:
            groups.append(_group(members, by, reference))
        else:
            alone += members
    if not groups:
        raise UsageError(_nothing(tagged, by))
    if reference is not None and all(group.reference is None for group in groups):
        names = {variant_of(family, by) for group in groups for family in group.families}
        raise UnknownNameError(by[0], reference, names, "--reference")
    return groups, alone


def _with_fixed(by_others: dict[_Tags, list[F]], by: Sequence[str]) -> dict[_Tags, list[F]]:
    """The same, those that have a tag fixed beside those that have any choice of it."""
    joined = dict(by_others)
    for others, members in by_others.items():
        free = {(tag, choice) for tag, choice in others if choice != FIXED}
        fitting = [
            host
            for host in by_others
            if free < host and dict(free).keys() | _fixed(others) == dict(host).keys()
            if not _fixed(host)
        ]
        # Where some are compared already they are enough: not each that is alone besides.
        several = [host for host in fitting if len(_variants(by_others[host], by)) > 1]
        for host in several or fitting:
            joined[host] = [*joined[host], *members]
        if fitting:
            del joined[others]
    return joined


def _fixed(tags: _Tags) -> set[str]:
    return {tag for tag, choice in tags if choice == FIXED}


def _variants(families: Sequence[F], by: Sequence[str]) -> set[str]:
    return {variant_of(family, by) for family in families}


def _group(members: Sequence[F], by: Sequence[str], reference: str | None) -> Group[F]:
    references = [
        family
        for wanted in ([reference] if reference else DEFAULT_REFERENCES)
        for family in members
        if wanted in (variant_of(family, by), family.tags[by[0]])
    ]
    if not references and reference is None:
        references = [members[0]]
    first = references[0] if references else None
    rest = [family for family in members if family is not first]
    ordered = [first, *rest] if first is not None else rest
    return Group(_others(members[0], by), tuple(ordered), first)


def _others(family: Tagged, by: Sequence[str]) -> dict[str, str]:
    return {tag: choice for tag, choice in family.tags.items() if tag not in by}


def _nothing(families: Sequence[Tagged], by: Sequence[str]) -> str:
    """Why there is nothing to compare, and which tags would have to be named too."""
    named = ",".join(by)
    if not families:
        return (
            f"--by {named}: nothing to compare: no learned codec that is chosen has "
            f"{'this tag' if len(by) == 1 else 'all of these tags'}; widen --codec and --component"
        )
    pairs = [
        (_also_differing(one, other, by), one, other)
        for one, other in combinations(families, 2)
        if variant_of(one, by) != variant_of(other, by)
    ]
    if not pairs:
        only = sorted({variant_of(family, by) for family in families})
        return (
            f"--by {named}: nothing to compare: every codec that is chosen has {', '.join(only)}; "
            "add another with --config, or widen --codec and --component"
        )
    also, one, other = min(pairs, key=lambda pair: len(pair[0]))
    text = (
        f"--by {named}: nothing to compare: the nearest, {one.name} and {other.name}, differ in "
        f"{', '.join(also)} too"
    )
    if set(also) <= set(one.tags) & set(other.tags):
        text += f"; compare them all the same with --by {','.join([*by, *also])}"
    return text


def _also_differing(one: Tagged, other: Tagged, by: Sequence[str]) -> list[str]:
    """The tags besides ``by`` in which two families differ, or that only one of them has."""
    tags = dict.fromkeys([*one.tags, *other.tags])
    return [tag for tag in tags if tag not in by and one.tags.get(tag) != other.tags.get(tag)]
