"""What the commands of the clinic share: where charts come from, and one patient of many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from thecal.experiments.commands.common import note, output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thecal.clinic.selection.fields import Chart

SIMULATION = "Research simulation only."
_NAMED = 15  # patients that a message names
One = TypeVar("One")
Charts = Annotated[
    Path | None,
    typer.Option("--charts", help="Charts to read (.csv, .parquet) instead of drawing them.", dir_okay=False),
]
KeepGood = Annotated[bool, typer.Option("--keep-good", help="Use the good rows of --charts where others are bad.")]


def tell(text: str, style: str = "") -> None:
    """A sentence on standard output, wrapped to the width there is; brackets are no markup."""
    output().print(text, style=style or None, highlight=False, markup=False)


def drawn_charts(cohort: str, patients: int, split: str, seed: int) -> list[Chart]:
    """Synthetic charts of the first patients of a cohort."""
    from thecal.clinic.selection.charts import charts_of
    from thecal.experiments.commands.cohort import draw_cohort

    return charts_of(draw_cohort(cohort, None, patients, split, seed), seed)


def some_charts(
    path: Path | None, keep_good: bool, report: Path | None, cohort: str, patients: int, split: str, seed: int
) -> tuple[Sequence[Chart], int]:
    """Charts of a table or drawn ones, and how many rows were refused; a bad table ends the command with its problems."""
    if path is None:
        return drawn_charts(cohort, patients, split, seed), 0
    from thecal.clinic.selection.chart_table import read_charts
    from thecal.experiments.commands.cohort import write_problems
    from thecal.physiology.cohort_table import CohortTableError

    try:
        table = read_charts(path, keep_good=keep_good)
    except CohortTableError as error:
        if report is not None:
            write_problems(report, error)
        note(str(error))
        raise typer.Exit(error.exit_code) from error
    if table.problems:
        found = CohortTableError(path, table.problems)
        if report is not None:
            write_problems(report, found)
        note(f"{found}\n{table.refused} rows refused, {len(table.charts)} kept", "yellow")
    return table.charts, table.refused


def one_of(patient: str, found: Mapping[str, One]) -> One:
    """What belongs to a patient.

    Raises:
        UnknownNameError: there is no such patient; the text names the first few.
    """
    from thecal.core.errors import UnknownNameError

    if patient not in found:
        raise UnknownNameError("patient", patient, list(found)[:_NAMED], f"{len(found)} in all")
    return found[patient]
