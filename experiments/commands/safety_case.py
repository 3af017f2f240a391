"""``thecal safety-case``: the safety case as a page, or its indicators measured in runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thecal.core.extras import require
from thecal.core.files import as_json as json_text
from thecal.core.files import write_whole
from thecal.core.seeds import MOST_PATIENTS
from thecal.experiments.commands.common import progress_bar, say
from thecal.experiments.commands.places import Output, check_outputs, page

_MOST_SEEDS = 1000


def safety_case(
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.", dir_okay=False)] = Path(
        "safety-case.html"
    ),
    measure: Annotated[
        Path | None,
        typer.Option(
            "--measure", help="Measure the indicators in runs, write them here (JSON), and no page.", dir_okay=False
        ),
    ] = None,
    patients: Annotated[
        int, typer.Option("--patients", "-n", help="Patients of each task, for --measure.", min=1, max=MOST_PATIENTS)
    ] = 40,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Seeds of each task, for --measure.", min=1, max=_MOST_SEEDS)
    ] = 2,
) -> None:
    """Write the safety case: argument, hazards, invariants, proofs, tests, mutants, wiring, attack, gaps, and a place to sign.

    With --measure the safety indicators are measured instead: harm, locks, interventions and what the pump counts, in runs.

    Examples: `thecal safety-case --out safety-case.html`, `thecal safety-case --measure indicators.json -n 40 --seeds 2`
    """
    if measure is not None:
        from thecal.experiments.assurance.indicators import measure as measured

        check_outputs(files={"--measure": Output(measure, (".json",))})
        with progress_bar("measure the indicators", None) as update:
            found = measured(patients, range(seeds), progress=lambda done, total: update(done, "", total))
        write_whole(measure, json_text(found, indent=1))
        say(f"indicators: {measure}")
        return
    require("the safety case", "report", only=["jinja2"])
    from thecal.experiments.assurance.safety_case import write_safety_case

    check_outputs(files={"--out": page(out)})
    say(f"safety case: {write_safety_case(out)}")
