"""``thecal fit``: a patient of one's own, from a table of doses, reports, levels and signs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.seeds import MOST_WORKERS
from thecal.core.signals import held
from thecal.experiments.commands.common import Json, Patients, Seed, emit, note, output, plain_table, progress_bar, say
from thecal.experiments.commands.events import KeepGood, Table, Units, read
from thecal.experiments.commands.places import Output, check_outputs, files_of

if TYPE_CHECKING:
    from thecal.experiments.fitting.fit import Fit


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fit", rich_help_panel="Experiments")(fit)
    app.command("fit-study", rich_help_panel="Experiments")(fit_study)


def fit(
    table: Table,
    cohort: Annotated[
        str, typer.Option("--cohort", help="Shipped cohort whose distributions are the prior.")
    ] = "cancer",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the fitted patient.", file_okay=False)
    ] = None,
    patient: Annotated[str | None, typer.Option("--patient", help="Whose rows, where the table has several.")] = None,
    units: Units = None,
    keep_good: KeepGood = False,
    clock: Annotated[
        float, typer.Option("--clock", help="Clock time at the patient's zero, h.", min=0.0, max=23.99)
    ] = 8.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit one patient, say what its data can and cannot tell, and save it as a cohort of one.

    Research simulation only: nothing here may inform the care of a person.

    Priors are the cohort's own distributions, given the chart (columns AGE, SEX, WT, HT, ... of the table). A fit that does not
    arrive says so, ends with 1 and saves nothing.

    Example: `thecal fit docs/examples/fitting/patient.csv --cohort cancer --out anna`
    """
    check_outputs(inputs=[table, units, *files_of({"cohort": cohort})], folders={"--out": out})
    require("a fit", "calibrate")
    from thecal.experiments.fitting.charts import chart_of
    from thecal.experiments.fitting.fit import fit as run
    from thecal.experiments.fitting.fit import problem_of
    from thecal.experiments.fitting.patient_file import save
    from thecal.physiology.cohort_spec import load_cohort_spec

    events = read(table, units, keep_good)
    if patient is None and len(events.patients) > 1:
        raise ConfigError(f"--patient: missing; the table has {', '.join(events.patients)}")
    own = events.of(patient or events.patients[0])
    problem = problem_of(own, load_cohort_spec(cohort), chart=chart_of(own), clock_h=clock)
    with progress_bar("fit", 1.0) as update:
        found = run(problem, seed, lambda reached, what: update(reached, what))
    if out is not None:
        with held():
            save(found, out)
    if as_json:
        emit(as_record(found))
    else:
        _show(found)
    if out is not None:
        note(f"wrote {out}; simulate it with --fitted {out}")


def as_record(found: Fit) -> dict[str, Any]:
    """The fit as data."""
    return {
        "patient": found.problem.patient, "cohort": found.problem.space.spec.name, "drugs": found.problem.space.drugs,
        "observations": len(found.problem.data), "misfit": found.misfit, "numbers": found.rows,
        "composites": found.combinations, "simulated": found.population.simulated,
        "temperatures": found.population.temperatures, "accepted": found.population.accepted,
    }  # fmt: skip


def _show(found: Fit) -> None:
    kinds = found.problem.data.what.tolist()
    counts = ", ".join(f"{kinds.count(name)} {name}" for name in dict.fromkeys(kinds))
    table = plain_table(
        f"Patient {found.problem.patient}, cohort {found.problem.space.spec.name}: {counts}",
        ["number", "median", "95 %", "spread left", ""],
        caption="Spread left: SD of the posterior over that of the prior. Under "
        f"{found.problem.settings.spread:g} the data know the number; elsewhere the prior speaks. (c): of several parameters.",
    )
    for row in found.rows:
        name = f"{row.name}{' (c)' if row.composite else ''}"
        unit = f" {row.unit}" if row.unit else ""
        table.add_row(
            name, f"{row.median:.3g}{unit}", f"{row.low:.3g} to {row.high:.3g}", f"{row.spread:.2f}",
            "known" if row.known else "not known",
        )  # fmt: skip
    output().print(table)
    for one in found.combinations:
        say(f"known only together ({one.spread:.2f} of the prior's spread is left): {one.name}")
    say(f"chance of reports as far from the best patient's: {found.misfit:.2g}")


def fit_study(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write every patient's outcome here (.json).", dir_okay=False)
    ] = None,
    cohort: Annotated[str, typer.Option("--cohort", help="Cohort of the virtual patients, and prior.")] = "cancer",
    patients: Patients = 50,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; one a core by default.", min=1, max=MOST_WORKERS)
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Do intervals keep their promise? Fit virtual patients to realistic data of theirs (a minute each).

    Research simulation only. Coverage of 95 % intervals, pooled over what each fit declares known, clustered by patient.

    Example: `thecal fit-study --patients 50 --out coverage.json`
    """
    check_outputs(inputs=files_of({"cohort": cohort}), files={"--out": Output(out, (".json",))})
    require("a fit", "calibrate")
    from functools import partial

    from thecal.core.executor import local
    from thecal.core.files import as_json as text_of
    from thecal.core.files import write_whole
    from thecal.experiments.fitting.coverage import pooled, study_one
    from thecal.physiology.cohort_spec import load_cohort_spec

    one = partial(study_one, load_cohort_spec(cohort), seed=seed)
    outcomes = []
    with progress_bar(f"fit {patients} virtual patients", patients) as update:
        for outcome in local(workers).map(one, range(patients)):
            outcomes.append(outcome)
            update(len(outcomes))
    found = pooled(outcomes)
    record = {"cohort": cohort, "seed": seed, "coverage": found, "excludes_95": found.excludes, "patients": outcomes}
    if out is not None:
        note(f"wrote {write_whole(out, text_of(record))}")
    if as_json:
        emit(record)
        return
    say(
        f"{100 * found.share:.1f} % of {found.intervals} intervals of {found.patients} patients hold the truth "
        f"(95 % promised; standard error {100 * found.error:.1f}, clustered by patient); {found.failed} fits did not arrive"
    )
