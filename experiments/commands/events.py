"""``thecal events`` and ``thecal nca``: tables of doses and observations, and the figures of their levels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.documents import has_suffix, is_toml
from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.experiments.commands.common import Json, emit, note, output, plain_table, say, write_csv
from thecal.experiments.commands.places import Output, check_outputs

if TYPE_CHECKING:
    from thecal.clinic.events.table import EventTable, Refused

_TABLES = (".csv", ".parquet")
Table = Annotated[Path, typer.Argument(help="Event table: .csv or .parquet.", dir_okay=False)]
Units = Annotated[
    Path | None,
    typer.Option("--units", help="Sidecar (.toml); default: <table>.units.toml.", dir_okay=False),
]
KeepGood = Annotated[bool, typer.Option("--keep-good", help="Leave out the rows that are refused, and go on.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        no_args_is_help=True, help="Tables of doses and observations in the field's form (NONMEM's columns)."
    )
    group.command("check")(check)
    group.command("convert")(convert)
    group.command("expand")(expand)
    app.add_typer(group, name="events", rich_help_panel="Experiments")
    app.command("nca", rich_help_panel="Experiments")(nca)


def read(table: Path, units: Path | None, keep_good: bool) -> EventTable:
    """A table, with what was left out said on standard error."""
    from thecal.clinic.events.reading import read_events

    if has_suffix(table, ".parquet"):
        require("a Parquet table", "track", only=["pyarrow"])
    found = read_events(table, units, keep_good=keep_good)
    _tell(found.refused)
    return found.table


def _tell(refused: tuple[Refused, ...] | list[Refused], what: str = "left out") -> None:
    for one in refused:
        note(f"{what}: {one}", "yellow")


def check(
    table: Table,
    units: Units = None,
    keep_good: KeepGood = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write every refused row here (.csv).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a table and say what is in it; rows that cannot be are refused one by one, with reasons.

    Research simulation only. Example: `thecal events check patient.csv --report refused.csv`
    """
    from thecal.clinic.events.table import EventTableError

    check_outputs(inputs=[table, units], files={"--report": Output(report, (".csv",))})
    try:
        found = read(table, units, keep_good)
    except EventTableError as error:
        if report is not None:
            write_csv(report, ("row", "column", "reason"), ((one.row, one.column, one.reason) for one in error.refused))
        note(str(error))
        raise typer.Exit(error.exit_code) from error
    rows = [_summary(found, patient) for patient in found.patients]
    if as_json:
        emit({"rows": len(found), "covariates": found.covariates, "patients": rows})
        return
    shown = plain_table(f"{table.name}: {len(found)} rows", list(rows[0]))
    for row in rows:
        shown.add_row(*(str(value) for value in row.values()))
    output().print(shown)


def _summary(table: EventTable, patient: str) -> dict[str, Any]:
    own = table.of(patient).rows
    seen = [row.what for row in own if row.what]
    counts = ", ".join(f"{seen.count(name)} {name}" for name in dict.fromkeys(seen))
    drugs = ", ".join(dict.fromkeys(row.drug for row in own if row.is_dose))
    last = f"{own[-1].time_h / 24.0:.3g} d"
    return {
        "patient": patient, "doses": sum(row.is_dose for row in own), "drugs": drugs or "none",
        "observations": counts or "none", "ends": last,
    }  # fmt: skip


def convert(
    source: Annotated[Path, typer.Argument(help="Event table, or program file (.toml).", dir_okay=False)],
    target: Annotated[
        Path, typer.Argument(help="What to write: .csv, .parquet, or a program (.toml).", dir_okay=False)
    ],
    units: Units = None,
    keep_good: KeepGood = False,
    patient: Annotated[str | None, typer.Option("--patient", help="Whose doses, for a program.")] = None,
    mg_per_ml: Annotated[
        float | None,
        typer.Option("--mg-per-ml", help="Concentration in the pump, for a program.", min=1e-6, max=1000.0),
    ] = None,
    pump: Annotated[str, typer.Option("--pump", help="Model of pump, for a program.")] = "synchromed_ii_40",
) -> None:
    """Write an event table in another form, or a pump's program as a table and back.

    Research simulation only. Examples: `thecal events convert patient.csv patient.parquet`,
    `thecal events convert program.toml doses.csv`,
    `thecal events convert patient.csv program.toml --mg-per-ml 10`
    """
    from thecal.clinic.events.programs import events_of
    from thecal.clinic.events.table import EventTableError
    from thecal.clinic.events.writing import write_events

    check_outputs(inputs=[source, units], files={"target": Output(target, (*_TABLES, ".toml"))})
    if has_suffix(target, ".parquet"):
        require("a Parquet table", "track", only=["pyarrow"])
    if is_toml(source) and is_toml(target):
        raise ConfigError("a program and a program: one of the two must be a table")
    if is_toml(source):
        from thecal.devices.program_file import read_program

        found, refused = events_of(read_program(source), patient or "1")
        if refused and not keep_good:
            raise EventTableError(source.name, refused)
        _tell(refused)
    else:
        found = read(source, units, keep_good)
    if is_toml(target):
        _write_program(found, target, patient, mg_per_ml, pump, keep_good)
    else:
        write_events(target, found)
    note(f"wrote {target}")


def _write_program(
    table: EventTable, target: Path, patient: str | None, mg_per_ml: float | None, pump: str, keep_good: bool
) -> None:
    from thecal.clinic.events.program_text import program_text
    from thecal.clinic.events.programs import program_of
    from thecal.clinic.events.table import EventTableError
    from thecal.core.files import write_whole
    from thecal.core.models import checked
    from thecal.devices.program_file import ProgramFile, program_actions
    from thecal.devices.specs import load_pump

    if mg_per_ml is None:
        raise ConfigError("--mg-per-ml: missing; a program states what is in the pump")
    own = table if patient is None else table.of(patient)
    content, refused = program_of(own, mg_per_ml=mg_per_ml, pump=pump)
    if refused and not keep_good:
        raise EventTableError(target.name, refused)
    _tell(refused)
    program_actions(load_pump(pump), checked(ProgramFile, content, target.name))
    write_whole(target, program_text(content))


def expand(
    table: Table,
    target: Annotated[Path, typer.Argument(help="Table to write: .csv or .parquet.", dir_okay=False)],
    units: Units = None,
    keep_good: KeepGood = False,
    run_in_d: Annotated[
        float, typer.Option("--run-in", help="Days of doses that stand for a steady state.", min=1.0, max=365.0)
    ] = 14.0,
) -> None:
    """Write repeated (ADDL, II) and steady-state (SS) doses as the single doses they stand for.

    Research simulation only. Example: `thecal events expand patient.csv single.csv`
    """
    from thecal.clinic.events.expand import expanded
    from thecal.clinic.events.writing import write_events

    check_outputs(inputs=[table, units], files={"target": Output(target, _TABLES)})
    found = read(table, units, keep_good)
    if has_suffix(target, ".parquet"):
        require("a Parquet table", "track", only=["pyarrow"])
    single = expanded(found, run_in_d)
    write_events(target, single)
    say(f"{len(found)} rows became {len(single)} in {target}")


def nca(
    table: Table,
    units: Units = None,
    keep_good: KeepGood = False,
    start: Annotated[
        str, typer.Option("--start", help="Level at the dose: zero, back (traced back), observed.")
    ] = "zero",
    part: Annotated[
        tuple[float, float] | None, typer.Option("--part", help="Limits of a partial area, h after the dose.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--csv", help="Also write the figures here (.csv).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Non-compartmental figures of the levels of a table, one row a patient and kind of level.

    Research simulation only. Areas: linear up, logarithmic down; terminal slope by the best adjusted R2.

    Example: `thecal nca levels.csv --start back --part 0 24`
    """
    from thecal.experiments.fitting.nca import as_row
    from thecal.experiments.fitting.profiles import profiles

    check_outputs(inputs=[table, units], files={"--csv": Output(out, (".csv",))})
    found, skipped = profiles(read(table, units, keep_good), start=start, part_h=part)
    for one in skipped:
        note(f"no figures of patient {one.patient}, {one.what}: {one.reason}", "yellow")
    if not found:
        raise ConfigError("no patient of the table gives figures")
    rows = [{"patient": one.patient, "what": one.what, "dose_ug": one.dose_ug, **as_row(one.found)} for one in found]
    if out is not None:
        note(f"wrote {write_csv(out, rows[0], (row.values() for row in rows))}")
    if as_json:
        emit(rows)
        return
    shown = plain_table(
        f"{table.name}: non-compartmental figures", ["", *(f"{one.patient} {one.what}" for one in found)]
    )
    for name in list(rows[0])[2:]:
        values = [row[name] for row in rows]
        if any(value is not None for value in values):
            shown.add_row(name, *("" if value is None else f"{value:.4g}" for value in values))
    output().print(shown)
