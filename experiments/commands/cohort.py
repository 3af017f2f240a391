"""``thecal cohort``: draw virtual patients, describe them, export them, and make a cohort of a table of charts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from thecal.core.documents import has_suffix
from thecal.core.errors import UnknownNameError
from thecal.core.extras import require
from thecal.core.files import write_whole
from thecal.core.seeds import COHORT_SEED_LIMIT
from thecal.envs.options import Split as Splits
from thecal.experiments.commands.common import (
    Json,
    Patients,
    Split,
    emit,
    note,
    output,
    plain_table,
    say,
    write_csv,
)
from thecal.experiments.commands.places import Output, check_outputs, files_of, page

if TYPE_CHECKING:
    from thecal.physiology.cohort import Cohort
    from thecal.physiology.cohort_table import CohortTableError

_FORMATS = (".csv", ".parquet", ".npz")
Name = Annotated[str, typer.Option("--cohort", help="Cohort by name or TOML file; see `thecal list cohorts`.")]
CohortSeed = Annotated[
    int, typer.Option("--seed", help="Seed of the cohort: who the patients are.", min=0, max=COHORT_SEED_LIMIT - 1)
]
Drug = Annotated[list[str] | None, typer.Option("--drug", help="Drug of the pump; may be repeated. Default: morphine.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Draw virtual patients: describe, export, import.")
    group.command("describe")(describe)
    group.command("export")(export)
    group.command("import")(import_table)
    app.add_typer(group, name="cohort", rich_help_panel="Look around")


def draw_cohort(name: str, drugs: list[str] | None, patients: int, split: str, seed: int) -> Cohort:
    """Patients of a cohort by name or file; refused where memory would not hold them."""
    import numpy as np

    from thecal.core.seeds import require_memory
    from thecal.physiology.cohort import draw
    from thecal.physiology.cohort_spec import load_cohort_spec
    from thecal.physiology.records import PATIENT_PAR

    if split not in get_args(Splits):
        raise UnknownNameError("split", split, get_args(Splits))
    spec = load_cohort_spec(name)
    require_memory(f"{patients} virtual patients", 1.5 * patients * PATIENT_PAR.itemsize)
    return draw(spec, drugs or ["morphine"], np.arange(patients), split, seed)


def describe(
    cohort: Name = "cancer",
    drug: Drug = None,
    patients: Patients = 1000,
    split: Split = "train",
    seed: CohortSeed = 0,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Also write a page with plots here (.html).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Median, quartiles and range of the covariates and main parameters of a cohort.

    Example: `thecal cohort describe --cohort noncancer -n 5000 --plot cohort.html`
    """
    from thecal.physiology.cohort import describe as summarize

    check_outputs(inputs=files_of({"cohort": cohort}), files={"--plot": page(plot)})
    if plot is not None:
        require("a plot", "report", only=["plotly"])
    drawn = draw_cohort(cohort, drug, patients, split, seed)
    rows = summarize(drawn)
    if plot is not None:
        from thecal.experiments.reports.cohort_page import write_cohort_page

        note(f"wrote {write_cohort_page(drawn, plot)}")
    if as_json:
        emit({"cohort": drawn.spec.name, "patients": patients, "split": split, "seed": seed, "columns": rows})
        return
    output().print(describe_table(rows, f"{drawn.spec.title}: {patients} virtual patients, split {split}"))


def describe_table(rows: dict[str, dict[str, float]], title: str) -> Any:
    """The summary as a terminal table."""
    table = plain_table(title, ["", "median", "quartiles", "range"], numbers=True)
    for name, row in rows.items():
        if {row[key] for key in ("median", "q1", "q3", "min", "max")} <= {0.0, 1.0}:
            table.add_row(name, f"{100 * row['mean']:.0f} %", "", "yes or no")
            continue
        low, q1, median, q3, high = (_short(row[key]) for key in ("min", "q1", "median", "q3", "max"))
        table.add_row(name, median, f"{q1} to {q3}", f"{low} to {high}")
    return table


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def export(
    path: Annotated[Path, typer.Argument(help="File to write: .csv or .parquet (covariates), .npz (all parameters).")],
    cohort: Name = "cancer",
    drug: Drug = None,
    patients: Patients = 1000,
    split: Split = "train",
    seed: CohortSeed = 0,
) -> None:
    """Write the drawn patients into a file; the same options always give the same patients.

    Example: `thecal cohort export patients.csv --cohort cancer -n 200 --split test`
    """
    check_outputs(inputs=files_of({"cohort": cohort}), files={"path": Output(path, _FORMATS)})
    if has_suffix(path, ".parquet"):
        require("a Parquet table", "track", only=["pyarrow"])
    drawn = draw_cohort(cohort, drug, patients, split, seed)
    if has_suffix(path, ".npz"):
        _write_all(path, drawn)
    else:
        from thecal.physiology.cohort_table import write_table
        from thecal.physiology.covariates import COVARIATES

        charts = {name: values for name, values in drawn.covariates.items() if name in COVARIATES}
        write_table(path, charts, [str(i) for i in range(patients)], [split] * patients)
    note(f"{patients} virtual patients of cohort {drawn.spec.name} ({split}) written to {path}")


def _write_all(path: Path, drawn: Cohort) -> None:
    import io

    import numpy as np

    arrays: dict[str, Any] = {"par": drawn.par, "ids": drawn.ids, **drawn.covariates}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(path, content.getvalue())


def import_table(
    table: Annotated[Path, typer.Argument(help="Charts, one patient a row: .csv or .parquet.", dir_okay=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Cohort file to write (.toml).", dir_okay=False)],
    base: Annotated[str, typer.Option("--base", help="Cohort that supplies what the table lacks.")] = "noncancer",
    title: Annotated[str | None, typer.Option("--title", help="Title of the cohort.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write every problem of a bad table here (.csv).", dir_okay=False)
    ] = None,
) -> None:
    """Check a table of charts and make a cohort of it, which any task or command can then name.

    Columns are the covariates (`thecal list covariates`); `patient` and `split` (train, tune, test) are optional.

    Example: `thecal cohort import clinic.csv --base cancer --out clinic.toml`
    """
    from thecal.physiology.cohort_spec import cohort_names, load_cohort_spec
    from thecal.physiology.cohort_table import CohortTableError, read_table
    from thecal.physiology.covariates import COVARIATES

    check_outputs(inputs=[table], files={"--out": Output(out, (".toml",)), "--report": Output(report, (".csv",))})
    if base not in cohort_names():
        raise UnknownNameError("cohort", base, cohort_names())
    try:
        found = read_table(table)
    except CohortTableError as error:
        if report is not None:
            write_problems(report, error)
        note(str(error))
        raise typer.Exit(error.exit_code) from error
    _write_cohort(out, table, base, title or table.stem)
    load_cohort_spec(out)
    splits = ["test"] * len(found) if found.splits is None else found.splits.tolist()
    counts = ", ".join(f"{splits.count(name)} {name}" for name in ("train", "tune", "test") if name in splits)
    drawn = [name for name in COVARIATES if name not in found.columns]
    say(f"{len(found)} patients ({counts}) in {out}")
    say(f"from the table: {', '.join(found.columns)}")
    say(f"drawn from cohort {base}: {', '.join(drawn) or 'nothing'}")


def _write_cohort(out: Path, table: Path, base: str, title: str) -> None:
    import json
    import os

    relative = os.path.relpath(table.resolve(), out.resolve().parent)
    lines = [("name", out.stem), ("title", title), ("base", base), ("table", relative)]
    write_whole(out, "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines))


def write_problems(path: Path, error: CohortTableError) -> None:
    """Every problem of a table as a CSV file."""
    head = ("row", "column", "value", "reason")
    write_csv(path, head, ((item.row, item.column, item.value, item.reason) for item in error.problems))
