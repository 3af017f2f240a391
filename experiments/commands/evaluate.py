"""``thecal evaluate`` and ``thecal compare``: one policy, or several on the same patients and days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.extras import require
from thecal.core.seeds import MOST_PATIENTS
from thecal.experiments.commands.common import (
    Config,
    Json,
    Set,
    check_names,
    emit,
    gathered,
    note,
    output,
    plain_table,
    progress_bar,
    say,
    scoring_bar,
    tracked_at,
)
from thecal.experiments.commands.places import check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario

if TYPE_CHECKING:
    from thecal.envs.scenario import Scenario
    from thecal.experiments.analysis.comparison import Comparison

Patients = Annotated[
    int | None, typer.Option("--patients", "-n", help="Virtual patients; default 100.", min=1, max=MOST_PATIENTS)
]
Track = Annotated[bool | None, typer.Option("--track/--no-track", help="Keep the run in MLflow.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("evaluate", rich_help_panel="Experiments")(evaluate)
    app.command("compare", rich_help_panel="Experiments")(compare)


@with_scenario(split="test")
def evaluate(
    policy: Annotated[
        str,
        typer.Argument(
            help="Policy by name, or folder of a trained one; guarded:NAME puts the guard over it.", show_default=False
        ),
    ],
    scenario: dict[str, Any],
    patients: Patients = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the trajectories.", file_okay=False)
    ] = None,
    trail: Annotated[bool | None, typer.Option("--trail", help="Keep the audit trail with the run.")] = None,
    transitions: Annotated[
        bool | None, typer.Option("--transitions", help="Keep every transition (for offline learning) with the run.")
    ] = None,
    config: Config = None,
    settings: Set = None,
    track: Track = None,
    as_json: Json = False,
) -> None:
    """Run one policy on unseen patients and estimate every outcome with its interval.

    Examples: `thecal evaluate guideline`, `thecal evaluate runs/train -n 200 --difficulty shift`
    """
    from thecal.agents.info import under_guard
    from thecal.envs.outcomes import outcome
    from thecal.experiments.studies.config import EvaluateConfig, load_config

    given = scenario | {
        "policy": policy, "patients": patients, "out": None if out is None else str(out), "track": track, "trail": trail,
        "transitions": transitions,
    }  # fmt: skip
    chosen = load_config(EvaluateConfig, config, gathered(given, settings))
    inputs = [config, under_guard(chosen.policy)[1], *files_of(chosen)]
    check_outputs(inputs=inputs, folders={"--out": chosen.out})
    check_names(chosen.scenario, [chosen.policy])
    from thecal.experiments.analysis.results import marks
    from thecal.experiments.analysis.shown import shown
    from thecal.experiments.studies.evaluate import evaluate as run_evaluation

    with progress_bar(f"{chosen.policy} on {chosen.patients} patients", None) as update:
        found = run_evaluation(chosen, lambda done, total: update(done, "", total))
    if as_json:
        emit(found.as_dict())
    else:
        mark = marks(not found.scene.mode.shielded, not found.scene.proved, found.scene.wide)
        title = f"{mark}{': ' if mark else ''}{found.policy}, {found.scene.task.id}, {chosen.patients} {chosen.split} patients"
        table = plain_table(title, ["outcome", "mean", "95 % interval", "unit"])
        for key, value in found.estimates.items():
            entry = outcome(key)
            seen = shown(value, entry, chosen.patients)
            table.add_row(entry.label, seen.value, seen.spread, entry.unit)
        output().print(table)
        if found.lowered_starts:
            said = (
                f"the limits of {found.scene.profile.name} lowered the starting dose of {found.lowered_starts} patients"
            )
            output().print(said, markup=False, highlight=False, soft_wrap=True)
        if found.transfer:
            output().print(
                f"{found.policy}: {', '.join(found.transfer)}", markup=False, highlight=False, soft_wrap=True
            )
    tracked_at(found.run_id)


@with_scenario(split="test")
def compare(
    policies: Annotated[
        list[str] | None,
        typer.Argument(
            help="Policies by name or folder, also guarded:NAME; default: all rules that fit.", show_default=False
        ),
    ] = None,
    *,
    scenario: dict[str, Any],
    reference: Annotated[str | None, typer.Option("--reference", help="Whom to compare with; default fixed.")] = None,
    patients: Patients = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Folder for the results; default runs/compare.")
    ] = None,
    config: Config = None,
    settings: Set = None,
    track: Track = None,
    validation: Annotated[
        bool, typer.Option("--validation", help="Add the validation scorecard to the report (minutes).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run policies on the same unseen patients and days, and write a report with paired differences.

    Examples: `thecal compare`, `thecal compare runs/train fixed guideline -n 200 --out results`,
    `thecal compare runs/train guarded:runs/train fixed`
    """
    from thecal.agents.info import under_guard
    from thecal.experiments.studies.config import CompareConfig, load_config

    given = scenario | {
        "policies": tuple(policies) if policies else None, "reference": reference, "patients": patients, "out": out,
        "track": track,
    }  # fmt: skip
    chosen = load_config(CompareConfig, config, gathered(given, settings))
    named = [under_guard(name)[1] for name in (*chosen.policies, chosen.reference)]
    inputs = [config, *named, *files_of(chosen)]
    check_outputs(inputs=inputs, folders={"--out": chosen.out})
    check_names(chosen.scenario, chosen.policies)
    if chosen.out:
        require("the report of a comparison", "report", only=("jinja2",))
    from thecal.experiments.analysis.tables import brief_table
    from thecal.experiments.reports.finish import finish_report
    from thecal.experiments.studies.evaluate import run_compare

    if "policies" not in chosen.model_fields_set:
        chosen = chosen.model_copy(update={"policies": offered_rules(chosen.scenario)})
    places: list[Path] = []

    bars = ExitStack()

    def finish(found: Comparison, folder: Path, origin: dict[str, Any]) -> None:
        bars.close()  # one bar at a time
        sources = [Path(under_guard(name)[1]) for name in chosen.policies]
        places.append(finish_report(found, folder, origin, sources, validation, scoring_bar))

    with bars:
        report = bars.enter_context(comparison_bar(len(chosen.policies)))
        found, run_id = run_compare(chosen, report, finish=finish)
    if as_json:
        emit({**found.to_dict(), "run_id": run_id, "report": places[0] if places else None})
    else:
        output().print(brief_table(found.result))
        for place in places:
            say(f"report: {place}")
    tracked_at(run_id)


def offered_rules(scenario: Scenario) -> tuple[str, ...]:
    """Every policy without training that fits, where nobody named any; those left out are told on standard error."""
    from thecal.experiments.rollouts.fit import fitting_rules

    fitting, others = fitting_rules(scenario.resolve())
    for name, why in others.items():
        note(f"left out {name}: {why}")
    return fitting


@contextmanager
def comparison_bar(policies: int, title: str = "compare") -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar over the rollouts of a comparison; yields ``report(policy, done, total)``."""
    finished: dict[str, float] = {}
    with progress_bar(f"{title} {policies} policies", policies) as update:

        def report(policy: str, done: int, total: int) -> None:
            finished[policy] = done / total
            update(sum(finished.values()), policy)

        yield report
