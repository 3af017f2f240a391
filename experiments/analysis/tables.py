"""A comparison's result as terminal tables: everything on one wide table, or the main outcomes on one screen."""

from __future__ import annotations

from thecal.agents.info import PRIVILEGED
from thecal.core.tables import PlainTable, plain_table
from thecal.experiments.analysis.decision import decide, limit_words
from thecal.experiments.analysis.results import UNSHIELDED, ComparisonResult
from thecal.experiments.analysis.shown import Shown, shown, shown_difference


def comparison_table(found: ComparisonResult) -> PlainTable:
    """Every outcome of every policy as mean [95 % interval], the paired difference on the primary one, and the decision."""
    mark = f"  {found.mark}" if found.mark else ""
    title = f"{found.task}, {len(found.patients)} {found.split} patients, shield {found.shield_mode}{mark}"
    heads = ["outcome", "unit", *(_heading(found, policy) for policy in found.policies)]
    caption = f"mean [95 % bootstrap interval over patients]{_stated(found)}{_transfers(found)}"
    table = plain_table(title, heads, numbers=True, caption=caption)
    for entry in found.outcomes:
        cells = [_cell(shown(one.estimates[entry.key], entry, len(found.patients))) for one in found.policies.values()]
        table.add_row(entry.label, entry.unit, *cells, style="bold" if entry.role == "primary" else "")
    table.add_section()
    primary, others = found.primary, found.others
    gaps = [
        _cell(shown_difference(found.differences[policy][primary.key], primary)) if policy in others else "-"
        for policy in found.policies
    ]
    table.add_row(f"difference, {primary.label}", primary.unit, *gaps, style="bold")
    verdicts = [decide(found, policy).words if policy in others else "-" for policy in found.policies]
    if found.limits:
        table.add_row("limits of the task", "", *(limit_words(found, policy) for policy in found.policies))
    table.add_row("verdict (efficacy and every harm)", "", *verdicts)
    return table


def _heading(found: ComparisonResult, policy: str) -> str:
    parts = [
        _named(found, policy), "(ref)" if policy == found.reference else "", UNSHIELDED if found.unshielded else ""
    ]  # fmt: skip
    return " ".join(part for part in parts if part)


def _named(found: ComparisonResult, policy: str) -> str:
    return f"{policy} ({PRIVILEGED})" if found.policies[policy].info.privileged else policy


def _cell(seen: Shown) -> str:
    return f"{seen.value} [{seen.spread}]" if seen.spread else seen.value


def _stated(found: ComparisonResult) -> str:
    """A line with the task's limits on means, which the whole interval has to keep."""
    limits = ", ".join(f"{key} up to {limit:g}" for key, limit in found.limits.items())
    return f"\nlimits of the task: {limits}" if limits else ""


def _transfers(found: ComparisonResult) -> str:
    """Lines that say which policies were trained under other conditions."""
    return "".join(f"\n{name}: {', '.join(parts)}" for name, parts in found.transfers.items())


def brief_table(found: ComparisonResult) -> PlainTable:
    """The comparison in one screen: one row a policy, the main outcomes, the paired difference and the decision."""
    primary = found.primary
    entries = [primary, *(entry for entry in found.outcomes if entry.brief and entry.key != primary.key)]
    mark = f"{found.mark}: " if found.mark else ""
    heads = [
        "policy",
        primary.label,
        f"minus {found.reference} (95 %)",
        *(entry.brief for entry in entries[1:]),
        "better",
    ]
    title = f"{mark}{found.task}, {len(found.patients)} {found.split} patients"
    table = plain_table(title, heads, numbers=True)
    for policy, one in found.policies.items():
        means = [shown(one.estimates[entry.key], entry, len(found.patients)).value for entry in entries]
        gap, verdict = "", ""
        if policy != found.reference:
            seen = shown_difference(found.differences[policy][primary.key], primary)
            gap = f"{seen.value} ({seen.spread})"
            verdict = "yes" if decide(found, policy).better else "no"
        table.add_row(_named(found, policy), means[0], gap, *means[1:], verdict)
    table.caption = (
        f"{primary.label} in {primary.unit}. better: superior on it, and no harm beyond its margin"
        f"{', and within the limits of the task' if found.limits else ''} (the report shows all harms){_transfers(found)}"
    )
    return table
