"""What the user asked for: which families, which of their qualities, and in which settings."""

from __future__ import annotations

import fnmatch
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.images.corpus import CONFORMANCE, SHIPPED, corpus_name
from pytest_lic.measuring.grid import Setting
from pytest_lic.system.words import listed, plural


@dataclass(frozen=True)
class Selection:
    """What the user asked for; empty tuples select everything.

    ``corpora`` are built-in ones or folders; ``resolutions`` are ``native`` or pixels;
    ``components`` are ``tag=choice`` globs. ``targets`` are rates in bpp, in place of qualities.
    """

    codecs: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    lambdas: tuple[float, ...] = ()
    components: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ("photos",)
    resolutions: tuple[str, ...] = ("native",)
    batches: tuple[int, ...] = (1,)
    devices: tuple[str, ...] = ("cpu",)
    targets: tuple[float, ...] = ()

    @property
    def narrows_qualities(self) -> bool:
        """Whether some qualities of a family are left out, so that no curve is whole."""
        return bool(self.qualities or self.lambdas or self.targets)

    @property
    def narrows(self) -> bool:
        """Whether any family or quality is left out of those that there are by default."""
        some = bool(self.codecs) and "*" not in self.codecs
        return some or bool(self.components) or self.narrows_qualities

    @property
    def names(self) -> bool:
        """Whether anything is asked for, so that nobody's default is taken."""
        return bool(self.codecs or self.components or self.qualities or self.lambdas)


def select_families(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[CodecFamily, ...]:
    """The trained families that match the codec globs and every component tag.

    Where rates are targets, those of them that have rate control.
    """
    trained = (family for family in matching_families(families, selection) if family.trained)
    return tuple(family for family in trained if family.levels is not None or not selection.targets)


def matching_families(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[CodecFamily, ...]:
    """The families, trained or not, that match the codec globs and every component tag.

    Raises:
        UnknownNameError: a glob or a component that no family answers to.
    """
    names = [family.name for family in families]
    for pattern in selection.codecs:
        if not fnmatch.filter(names, pattern):
            raise UnknownNameError("codec", pattern, names, "--lic-codec")
    patterns = selection.codecs or ("*",)
    chosen = [
        family
        for family in families
        if any(fnmatch.fnmatchcase(family.name, pattern) for pattern in patterns)
    ]
    for component in selection.components:
        tag, separator, choice = component.partition("=")
        if not separator or not tag or not choice:
            raise UsageError(
                f"--lic-component {component!r}: expected TAG=CHOICE, such as nonlinearity=gdn"
            )
        matching = [
            family
            for family in chosen
            if tag in family.tags and fnmatch.fnmatchcase(family.tags[tag], choice)
        ]
        if not matching:
            known = [f"{key}={value}" for family in chosen for key, value in family.tags.items()]
            raise UnknownNameError("component", component, known, "--lic-component")
        chosen = matching
    return tuple(chosen)


def select_qualities(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[dict[str, list[str]], list[str]]:
    """Family → its qualities that are asked for, and what that leaves out.

    Raises:
        UnknownNameError: a quality or λ that none of the families has.
        UsageError: no quality of any family is left.
    """
    labels = {label for family in families for label in family.qualities}
    for label in selection.qualities:
        if label not in labels:
            raise UnknownNameError("quality", label, labels, "--lic-quality")
    lambdas = {value for family in families for value in family.qualities.values()} - {None}
    for wanted in selection.lambdas:
        if not any(_equal(wanted, value) for value in lambdas):
            raise UnknownNameError(
                "λ", f"{wanted:g}", [f"{value:g}" for value in lambdas if value], "--lic-lambda"
            )

    def fits(label: str, value: float | None) -> bool:
        if selection.qualities and label not in selection.qualities:
            return False
        return not selection.lambdas or any(_equal(wanted, value) for wanted in selection.lambdas)

    chosen = {
        family.name: [label for label, value in family.qualities.items() if fits(label, value)]
        for family in families
    }
    notes = [
        f"{name} has none of the qualities asked for: left out"
        for name, labels in chosen.items()
        if not labels
    ]
    if not selection.names:
        rare = {
            family.name: list(family.default_qualities)
            for family in families
            if family.default_qualities is not None
        }
        left = {name: len(chosen[name]) - len(labels) for name, labels in rare.items()}
        chosen |= rare
        if any(left.values()):
            named = listed(sorted(name for name, count in left.items() if count), 4)
            notes.append(
                f"{plural(sum(left.values()), 'network')} of {named} run only where codecs "
                "are named; --lic-codec '*' takes all"
            )
    if families and not selection.names and not any(chosen.values()):
        raise UsageError("no codec runs unless it is asked for; name some with --lic-codec")
    if families and not any(chosen.values()):
        raise UsageError("--lic-quality and --lic-lambda together leave no quality of any codec")
    return chosen, notes


def settings_of(selection: Selection) -> tuple[list[Setting], dict[str, str]]:
    """Every setting, and corpus name → what the user called it.

    Raises:
        UsageError: two corpora of one name, or a resolution or batch that is not one.
    """
    corpora: dict[str, str] = {"edge": "edge", CONFORMANCE: CONFORMANCE}
    for spec in selection.corpora:
        name = corpus_name(spec)
        if corpora.setdefault(name, spec) != spec:
            raise UsageError(
                f"--lic-corpus: {corpora[name]} and {spec} are both called {name!r}; "
                "rename one folder"
            )
    for resolution in selection.resolutions:
        if not re.fullmatch(r"native|[1-9][0-9]{0,4}", resolution):
            raise UsageError(
                f"--lic-resolution {resolution!r}: expected 'native' or a number of pixels"
            )
    for batch in selection.batches:
        if batch < 1:
            raise UsageError(f"--lic-batch {batch}: expected 1 or more")
    return settings_on([corpus_name(spec) for spec in selection.corpora], selection), corpora


def settings_on(corpora: Sequence[str], selection: Selection) -> list[Setting]:
    """Each once, on these corpora, by name, in place of those that are selected."""
    choices = (selection.devices, corpora, selection.resolutions, selection.batches)
    return [
        Setting(corpus, resolution, batch, device)
        for device, corpus, resolution, batch in dict.fromkeys(itertools.product(*choices))
    ]


def absolute_corpora(corpora: Sequence[str], start: Path) -> tuple[str, ...]:
    """Folder corpora relative to ``start``, as absolute paths; built-in names as they are.

    A link keeps its own name, by which the corpus is called.
    """
    return tuple(
        spec if spec in SHIPPED else str(_absolute(start / Path(spec).expanduser()))
        for spec in corpora
    )


def _absolute(path: Path) -> Path:
    # What ".." means behind a link, the file system knows.
    return path.resolve() if ".." in path.parts else path.absolute()


def _equal(wanted: float, value: float | None) -> bool:
    return value is not None and math.isclose(wanted, value, rel_tol=1e-9)
