"""``thecal clinic pathway``: the next step of a patient's therapy with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thecal.experiments.commands.clinic_charts import SIMULATION, Charts, KeepGood, one_of, some_charts, tell
from thecal.experiments.commands.cohort import CohortSeed, Name
from thecal.experiments.commands.common import Json, Split, emit, output, plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thecal.clinic.pathway.plan import Ahead, Decision

_MOST_DIGITS = 7  # of a patient's index: drawing the patient draws all before it


def register(group: typer.Typer) -> None:
    """Add the command to the group of the clinic."""
    group.command("pathway")(pathway)


def pathway(
    patient: Annotated[str, typer.Option("--patient", help="Which patient of the charts.")] = "0",
    history: Annotated[
        Path | None, typer.Option("--history", help="What was tried so far (.toml); see the guide.", dir_okay=False)
    ] = None,
    charts: Charts = None,
    keep_good: KeepGood = False,
    cohort: Name = "noncancer",
    split: Split = "train",
    seed: CohortSeed = 0,
    consensus: Annotated[str, typer.Option("--consensus", help="pacc_2012, pacc_2017 or pacc_2024.")] = "pacc_2017",
    profile: Annotated[str, typer.Option("--profile", help="Limit profile by name or TOML file.")] = "seed_2025",
    as_json: Json = False,
) -> None:
    """The next step of a patient's therapy with its reason, and every regimen of the consensus with what refuses it.

    Example: `thecal clinic pathway --cohort cancer --patient 4 --consensus pacc_2024`
    """
    from thecal.clinic.pathway.consensus import load_consensus
    from thecal.clinic.pathway.history import History, read_history
    from thecal.clinic.pathway.plan import lines_ahead, next_step
    from thecal.clinic.selection.rules import selection_rules
    from thecal.clinic.selection.verdict import judge
    from thecal.safety.profiles import load_profile

    lines, limits = load_consensus(consensus), load_profile(profile)
    tried = History() if history is None else read_history(history)
    many = int(patient) + 1 if patient.isdecimal() and len(patient) < _MOST_DIGITS else 1
    found, _ = some_charts(charts, keep_good, None, cohort, many, split, seed)
    chart = one_of(patient, {chart.patient: chart for chart in found})
    verdict = judge(chart, selection_rules())
    # Who has a pump already is past selection.
    given = bool(tried.step)
    decision = None if verdict.answer == "not" and not given else next_step(chart, tried, lines, limits)
    ahead = lines_ahead(chart, tried, lines, limits)
    if as_json:
        data = {"simulation_only": True, "patient": chart.patient, "consensus": consensus, "profile": limits.name}
        emit(data | {"eligible": verdict.answer, "selection": verdict.sentence, "next": decision, "lines": ahead})
        return
    tell(f"Patient {chart.patient} ({chart['diagnosis'].replace('_', ' ')}), {lines.title}, profile {limits.name}.")
    tell(SIMULATION, "dim")
    if not given:
        tell(verdict.sentence)
    if decision is not None:
        _print_decision(decision)
    _print_lines(ahead)


def _print_decision(decision: Decision) -> None:
    tell(f"Next: {decision.action}. {decision.sentence}", "bold")
    for drug, dose in decision.doses.items():
        tell(f"- {drug}: {dose:.4g} ug/d")
    if decision.fill is not None:
        content = ", ".join(f"{conc / 1000.0:.3g} mg/mL {drug}" for drug, conc in decision.fill.ug_per_ml.items())
        tell(f"- fill: {content}; refill after {decision.fill.days:.0f} days")
        tell(f"  (the limit is {decision.fill.bound})", "dim")
    for drug, days in decision.ending.items():
        tell(f"- {drug} ends {'at once' if days == 0 else f'over {days} days, by the largest daily fall it tolerates'}")
    if decision.wean is not None:
        wean = decision.wean
        tell(f"- systemic opioid: {wean.before_mg_per_d:.0f} to {wean.goal_mg_per_d:.0f} mg/d of oral morphine")
        tell(f"  by {wean.step_percent:g} % a week over {wean.weeks} weeks, as pain allows", "dim")
    for one in decision.refused:
        tell(f"- passed over {one.regimen} (line {one.line}): {one.sentence}", "dim")
    if decision.source:
        tell(f"source ({decision.confidence}): {decision.source}", "dim")


def _print_lines(ahead: Sequence[Ahead]) -> None:
    table = plain_table("Regimens of the consensus, in order", ["line", "regimen", "state"])
    for one in ahead:
        table.add_row(one.line, one.regimen, one.state)
    output().print(table)
