"""``thecal demo`` and ``warmup``: first steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.seeds import MOST_PATIENTS, MOST_STEPS
from thecal.experiments.commands.common import check_names, errors, output, waiting
from thecal.experiments.commands.places import check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("demo", rich_help_panel="Start here")(demo)
    app.command("warmup", rich_help_panel="Start here")(warmup)


@with_scenario(leave_out=("split",))
def demo(
    scenario: dict[str, Any],
    quick: Annotated[bool, typer.Option("--quick", help="A smoke run of about a minute.")] = False,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Training frames instead of the usual number.", min=1, max=MOST_STEPS)
    ] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", "-n", help="Test patients.", min=4, max=MOST_PATIENTS)
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.", file_okay=False)] = Path(
        "thecal-demo"
    ),
) -> None:
    """Train a policy, compare it with baselines on unseen patients, and write a report.

    It trains, tunes and tests on the splits of these names, so there is no --split.

    Examples: `thecal demo --quick`, `thecal demo --out results --seed 3`
    """
    from thecal.envs.scenario import Scenario

    chosen = Scenario.of(**scenario)
    check_outputs(inputs=files_of(chosen), folders={"--out": out})
    check_names(chosen)
    from thecal.experiments.commands.demo import run_demo

    run_demo(chosen, quick=quick, frames=frames, patients=patients, out=out, console=output())


def warmup() -> None:
    """Compile the simulation kernels once; later runs start from the cache.

    Example: `thecal warmup`
    """
    from thecal.experiments.commands.warm import warm_up

    console = errors()
    with waiting("compiling the kernels (once, about a minute) ..."):
        seconds = warm_up()
    console.print(f"kernels ready after {seconds:.1f} s")
