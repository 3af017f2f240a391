"""``thecal demo``, ``warmup`` and ``validate``: first steps, and whether the virtual patients can be believed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.seeds import MOST_PATIENTS, MOST_STEPS
from thecal.experiments.commands.common import Json, check_names, emit, errors, note, output, progress_bar, waiting
from thecal.experiments.commands.places import check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("demo", rich_help_panel="Start here")(demo)
    app.command("warmup", rich_help_panel="Start here")(warmup)
    app.command("validate", rich_help_panel="Experiments")(validate)


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


def validate(
    names: Annotated[
        list[str] | None, typer.Argument(help="Targets; all when none is named.", show_default=False)
    ] = None,
    as_json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a target is missed.")] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="Show populations, regimens and sources.")] = False,
    docs: Annotated[
        Path | None,
        typer.Option("--docs", help="Also write validation.md, its figures and its data here.", file_okay=False),
    ] = None,
) -> None:
    """Compare the virtual patients with published observations; misses are shown, not hidden.

    Examples: `thecal validate`, `thecal validate csf_half_life --long`, `thecal list targets`
    """
    from thecal.experiments.validation.validate import details, load_targets, records, table, visual_checks
    from thecal.experiments.validation.validate import validate as reproduce

    if docs and names:
        raise ConfigError("--docs writes the page of all targets: name none")
    check_outputs(folders={"--docs": docs})
    if docs:
        require("the page of the validation", "study", only=["matplotlib"])
    total = len(names or load_targets())
    with progress_bar(f"reproduce {total} observations", total) as update:
        count = itertools.count()
        scores = reproduce(names or None, lambda title: update(next(count), title))
        update(total)
    if docs:
        from thecal.experiments.reports.validation_page import Saved, save, write_page

        with waiting("visual predictive checks ..."):
            save(Saved(scores, visual_checks()), docs)
            page = write_page(docs)
        note(f"wrote {page}")
    if as_json:
        emit(records(scores))
    else:
        output().print(details(scores) if long else table(scores))
    if strict and not all(score.passed for score in scores):
        raise typer.Exit(1)
