"""``thecal pump detection``: how soon the monitors show each fault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.seeds import MOST_PATIENTS
from thecal.experiments.commands.common import Json, emit, note, output, plain_table, progress_bar
from thecal.experiments.commands.places import check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario


@with_scenario(leave_out=("faults",), task="NonCancerMorphine", split="test")
def detection(
    scenario: dict[str, Any],
    patients: Annotated[
        int, typer.Option("--patients", "-n", help="Virtual patients for each fault.", min=2, max=MOST_PATIENTS)
    ] = 50,
    docs: Annotated[
        Path | None,
        typer.Option("--docs", help="Also write the page and its numbers into this folder.", file_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """How soon the residual monitors show each fault, the dose error until then, and false alarms in sound systems.

    Each fault is drawn in turn, so there is no --faults. Example: `thecal pump detection -n 100 --docs docs`
    """
    from thecal.devices.fault_records import Fault
    from thecal.envs import Scenario
    from thecal.experiments.assurance.detection import study, write_detection

    check_outputs(inputs=files_of(scenario), folders={"--docs": docs})
    chosen = Scenario.of(**{"task": "NonCancerMorphine", "split": "test", **scenario})
    with progress_bar(f"watch for {len(Fault)} faults", len(Fault)) as update:
        found = study(chosen, patients, progress=update)
        update(len(Fault))
    if docs is not None:
        note(f"wrote {write_detection(found, docs)}")
    if as_json:
        emit(found.as_dict())
        return
    for table in found.tables():
        shown: Any = plain_table(table.title, list(table.columns), numbers=True)
        for row in table.rows:
            shown.add_row(*row)
        output().print(shown)
