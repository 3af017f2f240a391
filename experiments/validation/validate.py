"""The validation scorecard: published observations against virtual patients, tolerance fixed beforehand, misses shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from thecal.core.executor import Executor
from thecal.core.tables import PlainTable, plain_table
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import (
    PRECISE,
    Score,
    Verdict,
    by_structure,
    from_records,
    grouped,
    records,
    tally,
)
from thecal.experiments.validation.scoring import SHORT, Plan, Progress, chosen, score
from thecal.experiments.validation.targets import ROLES, Structure, Target, digits, load_targets

__all__ = [
    "Score",
    "Target",
    "details",
    "from_records",
    "grouped",
    "load_targets",
    "records",
    "table",
    "tally",
    "validate",
    "visual_checks",
]
MODELS: dict[Structure, str] = {"axial": "first structural model", "compartment": "second structural model"}
_STYLES: dict[Verdict, str] = {"pass": "green", "miss": "bold red", "undecided": "yellow"}


def validate(
    names: Iterable[str] | None = None,
    plan: Plan = SHORT,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[Score]:
    """Reproduce the named observations (all by default).

    Args:
        names: keys of targets.
        plan: on whose patients; the short form by default.
        executor: what does the work; this process by default.
        progress: called with jobs done, of how many, and what was done.

    Raises:
        UnknownNameError: a key is not a target.
    """
    return score(chosen(load_targets(), names), plan, executor, progress)


def visual_checks(progress: Callable[[str], None] = lambda _title: None) -> list[Band]:
    """Every visual predictive check, simulated now.

    Args:
        progress: called with each check's name before its simulation.
    """
    from thecal.experiments.validation.reproductions import Draw
    from thecal.experiments.validation.reproductions.vpc import VPCS

    checks = []
    for name, simulate in VPCS.items():
        progress(name)
        checks.append(simulate(Draw(SHORT.seeds[0])).band())
    return checks


def table(scores: Sequence[Score]) -> PlainTable:
    """The scorecard as a terminal table, one heading a group."""
    heads = ["observation", "observed", "interval", "simulated", "P", "verdict"]
    shown = plain_table("Validation scorecard", heads, caption=summary(scores))
    for structure, own in by_structure(scores).items():
        for title, members in grouped(own).items():
            count = f", {sum(score.passed for score in members)} of {len(members)}"
            where = "" if structure == "axial" else f" ({MODELS[structure]})"
            shown.add_row(Text.assemble((title, "bold"), where, count))
            for one in members:
                target = one.target
                title_and_unit = Text.assemble(target.title, (target.suffix and f" [{target.unit}]", "dim"))
                numbers = (digits(target.observed), target.interval, one.shown, one.chance)
                shown.add_row(title_and_unit, *numbers, _verdict(one))
            shown.add_section()
    return shown


def details(scores: Sequence[Score]) -> Group:
    """The scorecard as a list: for each observation what was simulated, in whom it was seen, and where that stands."""
    blocks: list[Text | Padding] = []
    for structure, own in by_structure(scores).items():
        for title, members in grouped(own).items():
            blocks.append(Text(f"\n{title}" + ("" if structure == "axial" else f", {MODELS[structure]}"), style="bold"))
            for one in members:
                blocks += _lines(one)
    return Group(*blocks, Text(f"\n{summary(scores)}"))


def _lines(one: Score) -> list[Text | Padding]:
    target = one.target
    head = f"{target.title}: observed {digits(target.observed)}{target.suffix}, interval {target.interval}, "
    only = "" if len(target.structures) > 1 else f"; no meaning but in the {MODELS[target.structures[0]]}"
    lines = (
        f"simulated: {target.regimen}; {one.inside} of {len(one.values)} cohorts inside: {_cohorts(one)}",
        f"observed: {target.population}; interval: {target.spread}{only}",
        f"{target.source} ({target.kind}, {target.confidence} confidence)",
        f"{target.drug}; {target.role}: {ROLES[target.role]}",
    )
    first = Text.assemble(head, f"simulated {one.shown}, P {one.chance}, ", _verdict(one))
    return [first, *(Padding(Text(line, style="dim"), (0, 0, 0, 4)) for line in lines)]


def _cohorts(one: Score) -> str:
    more = "" if one.scale == 1.0 else f", {one.scale:g} times the patients"
    return ", ".join(digits(value) for value in one.values) + more


def summary(scores: Sequence[Score]) -> str:
    """How many were met, of all and by role, for each structure."""
    parts = []
    for structure, own in by_structure(scores).items():
        if len(by_structure(scores)) > 1:
            parts.append(f"{MODELS[structure]}:")
        verdicts = [score.verdict for score in own]
        undecided = verdicts.count("undecided")
        noisy = sum(score.error_share > PRECISE for score in own)
        parts.append(
            f"{verdicts.count('pass')} of {len(own)} within tolerance"
            + (f", {undecided} undecided" if undecided else "")
            + (f", {noisy} known too roughly" if noisy else "")
        )
        parts += [f"  {role}: {met} of {total} ({ROLES[role]})" for role, (met, total) in tally(own).items()]
    return "\n".join(parts)


def _verdict(one: Score) -> Text:
    return Text(one.verdict, style=_STYLES[one.verdict])
