"""``thecal exchange``: the kinetics of a patient for other programs, and how they agree with independent solvers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.extras import require
from thecal.core.seeds import PATIENT_LIMIT
from thecal.experiments.commands.common import Json, Seed, emit, note, output, plain_table
from thecal.experiments.commands.places import Output, check_outputs, files_of

Cohort = Annotated[str, typer.Option("--cohort", help="Cohort by name or TOML file.")]
Drug = Annotated[str, typer.Option("--drug", help="Drug of the pump.")]
Index = Annotated[int, typer.Option("--index", help="Which patient of the test split.", min=0, max=PATIENT_LIMIT - 1)]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Kinetics for other programs: SBML, and agreement with them.")
    group.command("sbml")(sbml)
    group.command("agreement")(agreement)
    app.add_typer(group, name="exchange", rich_help_panel="Experiments")


def _patient(cohort: str, drug: str, index: int, seed: int) -> Any:
    from thecal.physiology.cohort import draw
    from thecal.physiology.cohort_spec import load_cohort_spec

    return draw(load_cohort_spec(cohort), (drug,), [index], "test", seed).par


def sbml(
    target: Annotated[Path, typer.Argument(help="SBML file to write (.xml).", dir_okay=False)],
    cohort: Cohort = "noncancer",
    drug: Drug = "morphine",
    index: Index = 0,
    doses: Annotated[
        Path | None,
        typer.Option("--doses", help="Event table whose doses of this drug the model gives.", dir_okay=False),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Write the kinetics of one drug in one patient as SBML, level 3: CSF and cord by level, tip, plasma.

    Research simulation only. Effects and adaptation stay out: they are not linear, and their text is the kernel's.

    Example: `thecal exchange sbml morphine.xml --cohort noncancer`
    """
    check_outputs(inputs=[*files_of({"cohort": cohort}), doses], files={"target": Output(target, (".xml", ".sbml"))})
    require("an SBML model", "exchange", only=["libsbml"])
    from thecal.clinic.events.reading import read_events
    from thecal.clinic.events.schedule import schedule_of
    from thecal.experiments.fitting.linear import Feed, feeds_of, linear_of
    from thecal.experiments.fitting.sbml import write

    par = _patient(cohort, drug, index, seed)
    feeds = [Feed(0.0, 0.0, 0.0, bolus=False)]
    if doses is not None:
        feeds = feeds_of(schedule_of(read_events(doses).table, drugs=(drug,)))
    system = linear_of(par)
    write(target, system, feeds, f"{drug}, patient {index} of {cohort}")
    note(f"wrote {target}: {len(system.names)} amounts in ug, h; conc_* are ug/mL")


def agreement(
    cohort: Cohort = "noncancer", drug: Drug = "morphine", index: Index = 0, seed: Seed = 0, as_json: Json = False
) -> None:
    """Ten regimens in one patient: exact equations, SciPy, libRoadRunner, and the kernel's own error.

    Research simulation only. Takes a minute. Example: `thecal exchange agreement`
    """
    require("a run in libRoadRunner", "exchange")
    from dataclasses import asdict

    from thecal.experiments.fitting.agreement import REGIMENS, agree, elsewhere

    par = _patient(cohort, drug, index, seed)
    rows = [{**asdict(agree(par, name, drug)), "roadrunner": elsewhere(par, name, drug)} for name in REGIMENS]
    if as_json:
        emit(rows)
        return
    shown = plain_table(
        f"{drug}: largest difference relative to the course's largest level",
        ["regimen", "SciPy, CSF", "SciPy, plasma", "RoadRunner", "kernel, CSF", "kernel, plasma"], numbers=True,
    )  # fmt: skip
    for row in rows:
        keys = ("csf", "plasma", "roadrunner", "kernel_csf", "kernel_plasma")
        shown.add_row(row["regimen"], *(f"{row[key]:.0e}" for key in keys))
    output().print(shown)
