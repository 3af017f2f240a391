"""The validation scorecard: published observations against virtual patients, tolerance fixed beforehand, misses shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from thecal.core.errors import UnknownNameError
from thecal.core.tables import PlainTable, plain_table
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.targets import (
    ROLES,
    Score,
    Target,
    digits,
    from_records,
    grouped,
    load_targets,
    records,
    tally,
)

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


def validate(names: Iterable[str] | None = None, progress: Callable[[str], None] = lambda _title: None) -> list[Score]:
    """Reproduce the named observations (all by default).

    Args:
        names: keys of targets.
        progress: called with each title before its simulation.

    Raises:
        UnknownNameError: a key is not a target.
    """
    from thecal.experiments.validation.reproductions import REPRODUCTIONS, Draw

    targets = {target.key: target for target in load_targets()}
    chosen = list(targets) if names is None else list(names)
    for name in chosen:
        if name not in targets:
            raise UnknownNameError("validation target", name, list(targets))
    scores = []
    for name in chosen:
        progress(targets[name].title)
        scores.append(Score(target=targets[name], simulated=REPRODUCTIONS[name](Draw())))
    return scores


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
        checks.append(simulate(Draw()).band())
    return checks


def table(scores: Sequence[Score]) -> PlainTable:
    """The scorecard as a terminal table, one heading a group."""
    heads = ["observation", "observed", "interval", "simulated", "verdict"]
    shown = plain_table("Validation scorecard", heads, caption=summary(scores))
    for title, members in grouped(scores).items():
        shown.add_row(Text.assemble((title, "bold"), f", {sum(score.passed for score in members)} of {len(members)}"))
        for score in members:
            target = score.target
            title_and_unit = Text.assemble(target.title, (target.suffix and f" [{target.unit}]", "dim"))
            numbers = (digits(target.observed), target.interval, digits(score.simulated))
            shown.add_row(title_and_unit, *numbers, _verdict(score))
        shown.add_section()
    return shown


def details(scores: Sequence[Score]) -> Group:
    """The scorecard as a list: for each observation what was simulated, in whom it was seen, and where that stands."""
    blocks: list[Text | Padding] = []
    for title, members in grouped(scores).items():
        blocks.append(Text(f"\n{title}", style="bold"))
        for score in members:
            target = score.target
            head = f"{target.title}: observed {digits(target.observed)}{target.suffix}, interval {target.interval}, "
            blocks.append(Text.assemble(head, f"simulated {digits(score.simulated)}, ", _verdict(score)))
            lines = (
                f"simulated: {target.regimen}",
                f"observed: {target.population}; interval: {target.spread}",
                f"{target.source} ({target.kind}, {target.confidence} confidence)",
                f"{target.drug}; {target.role}: {ROLES[target.role]}",
            )
            blocks += [Padding(Text(line, style="dim"), (0, 0, 0, 4)) for line in lines]
    return Group(*blocks, Text(f"\n{summary(scores)}"))


def summary(scores: Sequence[Score]) -> str:
    """How many were met, of all and by role."""
    passed = sum(score.passed for score in scores)
    roles = [f"  {role}: {met} of {total} ({ROLES[role]})" for role, (met, total) in tally(scores).items()]
    return "\n".join([f"{passed} of {len(scores)} within tolerance", *roles])


def _verdict(score: Score) -> Text:
    return Text("pass", style="green") if score.passed else Text("miss", style="bold red")
