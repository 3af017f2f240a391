"""``thecal clinic trialing``: methods of trial on the same virtual patients, and what each foretells of the time after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.experiments.commands.clinic_charts import SIMULATION, tell
from thecal.experiments.commands.cohort import CohortSeed, Name, draw_cohort
from thecal.experiments.commands.common import (
    Json,
    Patients,
    Split,
    emit,
    note,
    output,
    plain_table,
    progress_bar,
    write_csv,
)
from thecal.experiments.commands.places import Output, check_outputs, files_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thecal.clinic.selection.fields import Chart
    from thecal.clinic.trialing.foresight import Foresight, Outcome, Share
    from thecal.clinic.trialing.trial import Tried

_FEWEST = 5  # of whom a share is worth a line
_MONTHS = (2.0, 48.0)


def register(group: typer.Typer) -> None:
    """Add the command to the group of the clinic."""
    group.command("trialing")(trialing)


def trialing(
    cohort: Name = "noncancer",
    patients: Patients = 100,
    split: Split = "test",
    seed: CohortSeed = 0,
    drug: Annotated[str, typer.Option("--drug", help="Opioid of the trial.")] = "morphine",
    months: Annotated[
        float, typer.Option("--months", help="How long everybody then has a pump.", min=_MONTHS[0], max=_MONTHS[1])
    ] = 12.0,
    profile: Annotated[str, typer.Option("--profile", help="Limit profile by name or TOML file.")] = "seed_2025",
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write each patient's trials here (.csv).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Who passes a trial by which method, and how often that is wrong: false passes, false fails, with exact intervals.

    Everybody whom selection does not refuse is tried by every method and then has a pump, whatever the trial said.

    Example: `thecal clinic trialing --cohort cancer -n 200 --months 6`
    """
    from thecal.clinic.pathway.consensus import OPIOIDS
    from thecal.clinic.selection.charts import charts_of
    from thecal.clinic.trialing.foresight import follow
    from thecal.clinic.trialing.numbers import METHODS
    from thecal.clinic.trialing.trial import prepare, run
    from thecal.safety.profiles import load_profile

    check_outputs(inputs=files_of({"cohort": cohort, "profile": profile}), files={"--csv": Output(csv, (".csv",))})
    if drug not in OPIOIDS:
        raise UnknownNameError("opioid of a trial", drug, OPIOIDS)
    limits = load_profile(profile)
    everybody = draw_cohort(cohort, [drug], patients, split, seed)
    charts = charts_of(everybody, seed)
    kept = _kept(charts)
    if not kept:
        raise ConfigError("selection refuses every one of these patients, so nobody is tried; ask for more of them")
    chosen = _some(everybody, kept)
    ready = prepare(chosen, [charts[k] for k in kept], drug, limits)
    trials = [run(method, ready) for method in METHODS]
    with progress_bar(f"{months:g} months on a pump", 1.0) as update:
        outcome = follow(ready, months, update)
    if csv is not None:
        note(f"wrote {_write(csv, [charts[k] for k in kept], trials, outcome)}")
    head = f"{len(kept)} of {patients} patients of cohort {cohort} tried with {drug}"
    if as_json:
        emit(_as_data(head, months, limits.name, trials, outcome))
        return
    _print(head, months, trials, outcome)


def _kept(charts: Sequence[Chart]) -> list[int]:
    """Who comes to a trial: nobody for whom a reason other than an earlier trial is final."""
    from thecal.clinic.selection.rules import selection_rules
    from thecal.clinic.selection.verdict import judge

    before = {key: rule for key, rule in selection_rules().items() if rule.stage != "trial"}
    return [k for k, chart in enumerate(charts) if judge(chart, before).answer != "not"]


def _some(cohort: Any, rows: Sequence[int]) -> Any:
    from dataclasses import replace

    columns = {name: values[list(rows)] for name, values in cohort.covariates.items()}
    return replace(cohort, par=cohort.par[list(rows)], covariates=columns, ids=cohort.ids[list(rows)])


def _write(path: Path, charts: Sequence[Chart], trials: Sequence[Tried], outcome: Outcome) -> Path:
    from thecal.clinic.trialing.numbers import RULES

    head = ("patient", "method", "dose_ug", "before", "after", "harmed", *(f"passed_{rule}" for rule in RULES))
    head += ("fall_later_percent", *(f"good_{rule}" for rule in RULES))
    rows = []
    for tried in trials:
        passed, good = [tried.passed(rule) for rule in RULES], [outcome.good(rule) for rule in RULES]
        for k, chart in enumerate(charts):
            row = [chart.patient, tried.method, f"{tried.dose_ug[k]:.4g}", f"{tried.before[k]:.3f}"]
            row += [f"{tried.after[k]:.3f}", tried.harmed[k], *(flags[k] for flags in passed)]
            rows.append([*row, f"{outcome.fall[k]:.2f}", *(flags[k] for flags in good)])
    return write_csv(path, head, rows)


def _as_data(head: str, months: float, profile: str, trials: Sequence[Tried], outcome: Outcome) -> dict[str, Any]:
    from thecal.clinic.trialing.foresight import differences, foresee, share, unseen
    from thecal.clinic.trialing.numbers import RULES

    return {
        "title": head,
        "simulation_only": True,
        "months": months,
        "profile": profile,
        "side_effects": {tried.method: share(tried.harmed) for tried in trials},
        "unseen_depression": {tried.method: unseen(tried) for tried in trials},
        "good_outcome": {rule: share(outcome.good(rule)) for rule in RULES},
        "methods": [foresee(tried, outcome, rule) for rule in RULES for tried in trials],
        "differences": [one for rule in RULES for one in differences(trials, outcome, rule)],
    }


def _print(head: str, months: float, trials: Sequence[Tried], outcome: Outcome) -> None:
    from thecal.clinic.trialing.foresight import differences, foresee, share, unseen
    from thecal.clinic.trialing.numbers import METHODS, RULES

    for rule, words in RULES.items():
        rows = [foresee(tried, outcome, rule) for tried in trials]
        title = f"Passed by {words}; {_percent(share(outcome.good(rule)))} do so after {months:g} months"
        table = plain_table(title, ["method", "passed", "false pass", "false fail", "right"], numbers=True)
        for row in rows:
            table.add_row(METHODS[row.method].removeprefix("a "), *_cells(row))
        output().print(table)
    uneven = [one for rule in RULES for one in differences(trials, outcome, rule) if one.p < 0.05]
    tell(f"{head}. In percent, with exact 95 % intervals.")
    tell(f"{len(uneven)} of {3 * len(RULES)} pairs of methods differ in how often they are right (McNemar, p < 0.05).")
    for tried in trials:
        seen = [f"{_percent(one)} after {name}" for name, one in unseen(tried).items()]
        late = f"; breathing falls unseen in {', '.join(seen)}" if seen else ""
        tell(f"{METHODS[tried.method].capitalize()}: side effects in {_percent(share(tried.harmed))}{late}.")
    tell("False pass: poor outcome of those who passed. False fail: good outcome of those who failed.")
    tell(SIMULATION)


def _cells(row: Foresight) -> list[str]:
    return [_percent(one) for one in (row.passed, row.false_pass, row.false_fail, row.right)]


def _percent(one: Share) -> str:
    """A share in percent with its interval; said as a count where it is of very few."""
    if one.of < _FEWEST:
        return f"{one.count} of {one.of}"
    return f"{100 * one.value:.0f} ({100 * one.low:.0f}-{100 * one.high:.0f})"
