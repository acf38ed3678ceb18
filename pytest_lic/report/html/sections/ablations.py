"""BD-rates of codecs that differ in one component alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_lic.ablation.groups import Group, is_learned, make_groups, variant_of
from pytest_lic.errors import UsageError
from pytest_lic.measuring.intervals import bd_rate_over_images
from pytest_lic.measuring.rate_distortion import BD, bd_quality
from pytest_lic.report.html.content import Content
from pytest_lic.report.html.families import Family, families_of, setting_title


def ablations(content: Content) -> dict[str, Any] | None:
    """The section."""
    tables = list(_tables(content))
    return {"ablations": tables} if tables else None


def _tables(content: Content) -> Iterator[dict[str, Any]]:
    """One for each component tag, each group of codecs and each setting of a run."""
    for run, results in content.runs.items():
        for setting, families in families_of(run, results, several=content.several).items():
            learned = [family for family in families if is_learned(family)]
            for tag in dict.fromkeys(tag for family in learned for tag in family.tags):
                try:
                    groups, _ = make_groups(learned, (tag,), None)
                except UsageError:
                    continue  # no two differ in it alone
                for group in groups:
                    yield _table(group, tag, setting_title(setting))


def _table(group: Group[Family], tag: str, setting: str) -> dict[str, Any]:
    """Codecs that differ in ``tag`` alone.

    Each row has the variant, the codec, and its BD-rate and BD-PSNR against the reference, which
    comes first and has neither.
    """
    reference, *rest = group.families
    first = variant_of(reference, (tag,))
    anchor = reference.curve("measured")
    rows: list[tuple[str, str, BD | None, BD | None]] = [(first, reference.name, None, None)]
    for family in rest:
        curve = family.curve("measured")
        bds = bd_rate_over_images(anchor, curve), bd_quality(anchor, curve)
        rows.append((variant_of(family, (tag,)), family.name, *bds))
    others = ", ".join(f"{name}={choice}" for name, choice in group.tags.items())
    return {"tag": tag, "others": others, "setting": setting, "reference": first, "rows": rows}
