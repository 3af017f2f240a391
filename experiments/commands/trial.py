"""``thecal trial``: run a virtual trial by its plan, or simulate the plan's power."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.names import safe_name
from thecal.core.seeds import MOST_WORKERS
from thecal.experiments.commands.common import Json, emit, note, output, plain_table, progress_bar, say
from thecal.experiments.commands.places import check_outputs, files_of

if TYPE_CHECKING:
    from thecal.experiments.analysis.trial_plan import Plan
    from thecal.experiments.analysis.trial_power import Power
    from thecal.experiments.analysis.trial_results import TrialResult


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("trial", rich_help_panel="Experiments")(trial)


def trial(
    plan: Annotated[
        str, typer.Argument(help="Plan: a .toml file, or a shipped one by name (see docs/trials.md).", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the trial; default runs/trial-NAME. A trial goes on where it stopped.",
                     file_okay=False),
    ] = None,
    power: Annotated[
        bool, typer.Option("--power", help="Simulate the plan's power and its error, and run no patient.")
    ] = False,
    trials: Annotated[
        int | None, typer.Option("--trials", help="Simulated trials of --power; the plan's by default.", min=100, max=1_000_000)
    ] = None,
    workers: Annotated[int, typer.Option("--workers", "-w", help="Processes.", min=1, max=MOST_WORKERS)] = 1,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the page with the flow of patients.")] = True,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run a randomized trial on virtual patients by a plan that is fixed before the run. Research simulation only.

    Examples: `thecal trial cancer_trial --power`, `thecal trial mine.toml --out runs/mine`
    """
    from thecal.experiments.analysis.trial_plan import read_plan

    if trials is not None and not power:
        raise ConfigError("--trials: it is of --power")
    chosen = read_plan(plan)
    if power:
        _power(chosen, trials, as_json=as_json)
        return
    folder = out if out is not None else Path("runs") / f"trial-{safe_name(Path(plan).stem)}"
    inputs = [plan, *_files(chosen)]
    check_outputs(inputs=inputs, folders={"--out": folder})
    if report:
        require("a report", "report", only=["jinja2"])
    from thecal.core.executor import local
    from thecal.experiments.analysis.trial_results import to_dict
    from thecal.experiments.studies.trial import run_trial

    with progress_bar(f"trial of {chosen.randomized} patients", 1.0) as update:
        found = run_trial(
            chosen, folder, executor=local(workers), progress=lambda done, total, what: update(done / total, what)
        )
    if report:
        from thecal.experiments.reports.trial_page import PAGE, write_trial

        note(f"report: {write_trial(found, folder / PAGE)}")
    if as_json:
        emit(to_dict(found))
    else:
        _show(found)
        say(f"result: {folder}")


def _power(plan: Plan, trials: int | None, *, as_json: bool) -> None:
    from thecal.experiments.analysis.trial_power import power as simulated

    found = simulated(plan, trials)
    if as_json:
        emit({"note": "simulation only", **found._asdict(), "looks": plan.looks.at, "assumption": plan.power})
        return
    _show_power(plan, found)


def _show_power(plan: Plan, found: Power) -> None:
    shown = plain_table(f"Power of: {plan.title}", ["share of patients", "bound", "stops here"], numbers=True)
    for share, bound, stops in zip(plan.looks.at, found.bounds, found.stops, strict=True):
        shown.add_row(f"{100 * share:.0f} %", f"{bound:.3f}", f"{100 * stops:.1f} %")
    output().print(shown)
    say(f"Power {_percent(found.power, found.power_error)} of {found.trials} simulated trials,")
    say(f"on average {found.mean_entered:.0f} of {plan.randomized} patients;")
    null = _percent(found.type1, found.type1_error)
    say(f"without a difference {null} cross a bound (alpha {100 * plan.alpha:g} %).")


def _percent(share: float, error: float) -> str:
    return f"{100 * share:.1f} ± {100 * error:.1f} %"


def _show(found: TrialResult) -> None:
    from thecal.experiments.reports.trial_page import endpoint_words, verdict

    mark = "UNSHIELDED: " if found.unshielded else ""
    flow = plain_table(f"{mark}{found.title}", ["arm", "allocated", "lost", "died", "rescued", "analyzed"], numbers=True,
                       caption=f"{found.assessed} patients were assessed for entry, {found.entered} randomized")  # fmt: skip
    for arm in found.flow.values():
        label = arm.label if arm.simulated else f"{arm.label} (not simulated)"
        flow.add_row(label, *(str(n) for n in (arm.allocated, arm.lost, arm.died, arm.rescued, arm.analyzed)))
    output().print(flow)
    gaps = plain_table(
        f"Endpoint: {endpoint_words(found)}, {found.unit}",
        ["against", "means", "difference", "interval", "p"],
        numbers=True,
    )
    for one in found.compared:
        gaps.add_row(
            found.flow[one.arms[1]].label, f"{one.means[0]:.1f}, {one.means[1]:.1f}", f"{one.estimate:+.2f} ± {one.error:.2f}",
            f"{one.low:+.2f} to {one.high:+.2f}", f"{one.p:.4f}" + ("" if one.p_adjusted is None else f" ({one.p_adjusted:.4f})"),
        )  # fmt: skip
    output().print(gaps)
    early = (
        f" It was stopped early, at {100 * found.looks[-1].share:.0f} % of its patients." if found.stopped_early else ""
    )
    say(f"By the rule of the plan, {verdict(found)}.{early}")
    for label in found.not_simulated:
        say(f"NOT SIMULATED: {label} is drawn from a published result.")
    if found.published is not None:
        there = found.published
        say(f"Published: {there.first:g} against {there.second:g} {found.unit} ({there.source}).")


def _files(plan: Plan) -> list[str | Path]:
    """What a plan names that may be a file or folder."""
    found: list[str | Path] = [*files_of({"task": plan.task, **plan.scenario})]
    for arm in plan.arms.values():
        found += [*files_of(arm.scenario), *([] if arm.policy is None else [arm.policy])]
    return found
