"""``thecal pump``: simulate a program without a patient, interrogate a pump, assess a solution, plan a bridge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.glossary import explained, in_text
from thecal.core.seeds import PATIENT_LIMIT
from thecal.experiments.commands.common import (
    Json,
    emit,
    note,
    output,
    plain_table,
    say,
    write_csv,
)
from thecal.experiments.commands.detection import detection
from thecal.experiments.commands.places import Output, check_outputs, files_of, page
from thecal.experiments.commands.scenario import with_scenario

File = Annotated[Path, typer.Argument(help="Program file (TOML); see docs/devices.md.", dir_okay=False)]
Pump = Annotated[str, typer.Option("--pump", help="Model of pump by name or file; see `thecal list pumps`.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="The implanted pump by itself: simulate, interrogate, plan.")
    group.command("simulate")(simulate)
    group.command("interrogate")(interrogate)
    group.command("solution")(solution)
    group.command("bridge")(bridge)
    group.command("detection")(detection)
    app.add_typer(group, name="pump", rich_help_panel="Look around")


def simulate(
    program: File,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a page with plots here (.html).", dir_okay=False)
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Write every pump tick here (.csv).", dir_okay=False)
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="Limit profile that its fills are checked against, by name or .toml file.")
    ] = "seed_2025",
    as_json: Json = False,
) -> None:
    """Run a program file without a patient: what flows, and at what concentration it leaves the tip.

    Example: `thecal pump simulate docs/examples/bridge.toml --plot bridge.html`
    """
    if plot is not None:
        require("a plot", "report", only=["plotly"])
    from thecal.devices.program_file import program_roundings, read_program, run_program
    from thecal.envs.program_orders import program_refusals
    from thecal.experiments.reports.pump_page import write_program_page
    from thecal.experiments.reports.pump_rows import alarm_days, not_as_asked, refused_by_pump, sample_columns, summary
    from thecal.safety.profiles import load_profile

    inputs = [program, *files_of({"profile": profile})]
    check_outputs(inputs=inputs, files={"--plot": page(plot), "--csv": Output(table, (".csv",))})
    read = read_program(program)
    refusals = program_refusals(read, load_profile(profile))
    run, spec, report = run_program(read)
    if plot is not None:
        note(f"wrote {write_program_page(run, spec, report, read, plot)}")
    if table is not None:
        columns = sample_columns(run, read.solution.drugs)
        written = write_csv(table, columns, zip(*columns.values(), strict=True))
        note(f"wrote {written}")
    rows = summary(run, read.solution.drugs)
    rounded, by_pump = program_roundings(spec, read), refused_by_pump(run)
    if as_json:
        alarms, refused = alarm_days(run.samples), [refusal._asdict() for refusal in refusals]
        emit(
            {
                "pump": spec.name, "days": read.days, "summary": rows, "alarms": alarms, "refused_orders": refused,
                "not_as_asked": [one._asdict() for one in rounded], "refused_by_pump": by_pump,
            }
        )  # fmt: skip
        return
    shown = plain_table(f"{spec.title}, {read.days:g} days", ["", "value"])
    for name, value in rows.items():
        shown.add_row(name, f"{value:.4g}")
    for name, day in alarm_days(run.samples).items():
        shown.add_row(f"alarm {name.replace('_', ' ')}", f"day {day:.1f}")
    output().print(shown)
    for text in (*report.warnings, *not_as_asked(rounded)):
        note(f"note: {text}", "yellow")
    for entry in by_pump:
        note(f"the pump refused what was asked at {entry['at_h']:g} h: {entry['what']}", "yellow")
    for at_h, order, reason in refusals:
        note(f"a check would refuse the {order} at {at_h:g} h: {reason}", "yellow")


@with_scenario(split="test", task="none: give a file or a task")
def interrogate(
    scenario: dict[str, Any],
    program: Annotated[Path | None, typer.Argument(help="Program file (TOML).", dir_okay=False)] = None,
    day: Annotated[
        float | None, typer.Option("--day", help="Interrogate on this day; the last one by default.")
    ] = None,
    patient: Annotated[
        int | None,
        typer.Option(
            "--patient", help="Patient of the task; default 0.", min=0, max=PATIENT_LIMIT - 1, show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what a programmer would show: settings, computed volume, alarms, battery, log.

    Examples: `thecal pump interrogate docs/examples/bridge.toml --day 30`,
    `thecal pump interrogate --task CancerMorphine --patient 3 --faults stress`
    """
    from thecal.devices.interrogate import as_text
    from thecal.devices.interrogate import interrogate as read_out

    if (program is None) == ("task" not in scenario):
        raise ConfigError("give a program file or --task, one of the two")
    if program is not None:
        if scenario or patient is not None:
            raise ConfigError("a program file has no patient: --patient and the scenario's options go with --task")
        from thecal.devices.program_file import program_roundings, read_program, run_program
        from thecal.experiments.reports.pump_rows import not_as_asked

        read = read_program(program)
        run, spec, _ = run_program(read, days=day)
        for text in not_as_asked(program_roundings(spec, read)):
            note(f"note: {text}", "yellow")
        sections = read_out(run.state, run.par, spec, read.solution.drugs)
    else:
        sections = _of_patient(scenario, patient or 0, day)
    if as_json:
        emit({title: dict(rows) for title, rows in sections.items()})
    else:
        text = as_text(sections)
        say(text)
        if terms := in_text(text):
            note(explained(*terms), "dim")


def _of_patient(options: dict[str, Any], patient: int, day: float | None) -> dict[str, list[tuple[str, str]]]:
    """The pump of a patient whose rate is held, with demand boluses at the size the task allows."""
    from thecal.envs import Scenario, ThecalEnv
    from thecal.envs.kernel.actions import holding

    chosen = Scenario.of(**{"split": "test", **options})
    env = ThecalEnv(chosen)
    spec = env.spec_task
    days = spec.horizon_d if day is None else day
    if not 0.0 < days <= spec.horizon_d:
        raise ConfigError(f"--day {days:g} is not between 0 and the task's {spec.horizon_d:g}")
    env.reset(seed=chosen.seed, options={"patient": patient})
    for _ in range(round(days * 24.0 / spec.tick_h)):
        env.batch.keep_rate()
        if env.step(holding(spec.action.fields))[2]:
            break
    return env.interrogate()


def solution(
    drug: Annotated[
        list[str], typer.Option("--drug", help="Drug and concentration, as morphine=20 (mg/mL); repeat it.")
    ],
    ph: Annotated[
        float | None, typer.Option("--ph", help="Measured pH.", show_default="weighted by concentration")
    ] = None,
    first_fill: Annotated[bool, typer.Option("--first-fill", help="The pump is new.")] = False,
    pump: Pump = "synchromed_ii_40",
    flow: Annotated[float, typer.Option("--flow", help="Flow in mL/d, for the refill interval.")] = 0.25,
    as_json: Json = False,
) -> None:
    """How long a solution is good at 37 °C, what precipitates, and when to refill.

    Example: `thecal pump solution --drug morphine=10 --drug ziconotide=0.005`
    """
    from thecal.devices.solutions import assess, refill_interval
    from thecal.devices.specs import load_pump

    names, amounts = _split(drug)
    report = assess(names, [1000.0 * amount for amount in amounts], first_fill=first_fill, ph=ph)
    interval = refill_interval(report, usable_ml=load_pump(pump).usable_ml, flow_ml_per_d=flow)
    if as_json:
        emit({**report._asdict(), "refill": interval._asdict()})
        return
    shown = plain_table(
        "Solution at 37 °C", ["drug", "mg/mL", "loss a day", "dissolves", "left at refill"], numbers=True
    )
    left = report.left(interval.days)
    for k, name in enumerate(names):
        soluble = f"{report.soluble_ug_per_ml[k] / 1e3:.3g} mg/mL"
        shown.add_row(
            name, f"{amounts[k]:g}", f"{100 * report.decay_per_d[k]:.3f} %", soluble, f"{100 * left[k]:.1f} %"
        )
    output().print(shown)
    output().print(
        f"{report.status}; refill after {interval.days:.0f} days, limited by {interval.limited_by} "
        f"(volume {interval.volume_d:.0f}, stability {interval.stable_d:.0f}); pH {report.ph:.1f}"
    )
    for text in report.warnings:
        say(f"note: {text}")


def _split(given: list[str]) -> tuple[list[str], list[float]]:
    names, amounts = [], []
    for text in given:
        name, _, amount = text.partition("=")
        try:
            amounts.append(float(amount))
        except ValueError as error:
            raise ConfigError(f"--drug {text!r} is not a drug and a concentration, as morphine=20") from error
        names.append(name.strip())
    return names, amounts


def bridge(
    old: Annotated[float, typer.Option("--old", help="Concentration before, mg/mL.")],
    new: Annotated[float, typer.Option("--new", help="Concentration after, mg/mL.")],
    dose: Annotated[float, typer.Option("--dose", help="Dose afterwards, mg/d.")],
    old_dose: Annotated[
        float | None, typer.Option("--old-dose", help="Dose while the old fluid runs, mg/d.", show_default="the same")
    ] = None,
    pump: Pump = "synchromed_ii_40",
    catheter: Annotated[
        float | None, typer.Option("--catheter", help="Implanted length, cm.", show_default="the model's own")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plan the bridge for a change of drug or concentration: which rate, for how long, and what would happen without.

    Example: `thecal pump bridge --old 10 --new 20 --dose 2.5`
    """
    from thecal.devices.orders import plan_bridge
    from thecal.devices.specs import load_pump
    from thecal.experiments.reports.pump_rows import bridge_rows

    plan = plan_bridge(
        load_pump(pump),
        old_ug_per_ml=1000.0 * old,
        new_ug_per_ml=1000.0 * new,
        dose_ug_per_d=1000.0 * dose,
        old_dose_ug_per_d=None if old_dose is None else 1000.0 * old_dose,
        catheter_cm=catheter,
    )
    if as_json:
        emit(plan._asdict())
        return
    shown = plain_table("Bridge", ["", "value"])
    for row in bridge_rows(plan, old):
        shown.add_row(*row)
    output().print(shown)
    for text in plan.warnings:
        say(f"note: {text}")
