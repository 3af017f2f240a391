"""``thecal cohort``: draw virtual patients, describe them, export them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.experiments.commands.common import Json, Patients, Seed, Split, emit, errors, output, plain_table
from thecal.physiology.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from thecal.physiology.cohort import Cohort

_FORMATS = (".csv", ".parquet", ".npz")
Name = Annotated[str, typer.Option("--cohort", help="Cohort by name or TOML file; see `thecal list cohorts`.")]
Drug = Annotated[list[str] | None, typer.Option("--drug", help="Drug of the pump; may be repeated. Default: morphine.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Draw virtual patients: describe them, export them.")
    group.command("describe")(describe)
    group.command("export")(export)
    app.add_typer(group, name="cohort", rich_help_panel="Look around")


def _draw(name: str, drugs: list[str] | None, patients: int, split: str, seed: int) -> Cohort:
    from thecal.physiology.cohort import draw
    from thecal.physiology.cohort_spec import load_cohort_spec

    return draw(load_cohort_spec(name), drugs or ["morphine"], list(range(patients)), split, seed)


def describe(
    cohort: Name = "cancer",
    drug: Drug = None,
    patients: Patients = 1000,
    split: Split = "train",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Median, quartiles and range of the covariates and main parameters of a cohort.

    Example: `thecal cohort describe --cohort noncancer -n 5000`
    """
    from thecal.physiology.cohort import describe as summarize

    drawn = _draw(cohort, drug, patients, split, seed)
    rows = summarize(drawn)
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
    seed: Seed = 0,
) -> None:
    """Write the drawn patients into a file; the same options always give the same patients.

    Example: `thecal cohort export patients.csv --cohort cancer -n 200 --split test`
    """
    if path.suffix not in _FORMATS:
        raise ConfigError(f"{path}: the ending must be one of {', '.join(_FORMATS)}")
    drawn = _draw(cohort, drug, patients, split, seed)
    columns = {"patient": range(patients), **{name: values.tolist() for name, values in drawn.covariates.items()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, drawn, columns)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from error
    errors().print(f"{patients} virtual patients of cohort {drawn.spec.name} ({split}) written to {path}")


def _write(path: Path, drawn: Cohort, columns: dict[str, Any]) -> None:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    elif path.suffix == ".parquet":
        try:
            import pandas as pd
        except ImportError as error:
            raise ConfigError(f"Parquet needs pandas: install thecal[track] ({error})") from error
        pd.DataFrame({name: list(values) for name, values in columns.items()}).to_parquet(path, index=False)
    else:
        import numpy as np

        arrays: dict[str, Any] = {"par": drawn.par, "ids": drawn.ids, **drawn.covariates}
        np.savez_compressed(path, **arrays)
