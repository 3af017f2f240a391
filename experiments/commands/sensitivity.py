"""``thecal sensitivity``: which parameters matter for which outcome, and how well one patient's data determine them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thecal.core.extras import require
from thecal.experiments.commands.common import Json, Seed, emit, note, output, plain_table, progress_bar
from thecal.experiments.commands.places import check_outputs


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("sensitivity", rich_help_panel="Experiments")(sensitivity)


def sensitivity(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios; all when none is named.", show_default=False)
    ] = None,
    trajectories: Annotated[int, typer.Option("--trajectories", help="Morris trajectories.", min=2, max=10_000)] = 12,
    base: Annotated[int, typer.Option("--base", help="Sobol base sample, a power of two.", min=8, max=2**20)] = 128,
    seed: Seed = 0,
    as_json: Json = False,
    docs: Annotated[
        Path | None,
        typer.Option("--docs", help="Also write sensitivity.md, its data and figures here.", file_okay=False),
    ] = None,
) -> None:
    """Global sensitivity of the main outcomes to every parameter (Morris, then Sobol), and identifiability.

    Examples: `thecal sensitivity`, `thecal sensitivity morphine_bolus --base 256`
    """
    require("sensitivity", "study", only=["SALib", "matplotlib"] if docs else ["SALib"])
    from thecal.experiments.sensitivity.page import all_scenarios, results, write_page
    from thecal.experiments.sensitivity.study import scenario

    check_outputs(folders={"--docs": docs})
    names = scenarios or all_scenarios()
    for name in names:
        scenario(name)
    with progress_bar(f"screen and decompose {len(names)} scenarios", len(names)) as update:
        found = results(names, trajectories, base, seed, update)
    if docs:
        note(f"wrote {write_page(found, docs)}")
    if as_json:
        emit(found)
        return
    for entry in found["scenarios"].values():
        shown = plain_table(entry["title"], ["outcome", "parameter", "confidence", "total order"])
        for outcome in entry["outcomes"]:
            for row in outcome["factors"][:3]:
                shown.add_row(outcome["outcome"], row["name"], row["confidence"], f"{row['total']:.2f}")
        output().print(shown)
