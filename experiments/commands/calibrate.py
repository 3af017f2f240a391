"""``thecal calibrate``: fit stated numbers of the virtual patient to published observations, and record how."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.documents import is_toml
from thecal.core.extras import require
from thecal.core.seeds import MOST_WORKERS
from thecal.core.signals import held
from thecal.experiments.commands.common import Json, emit, note, output, plain_table, say
from thecal.experiments.commands.places import Output, check_outputs

if TYPE_CHECKING:
    from thecal.experiments.validation.calibration.fit import Fit
    from thecal.experiments.validation.calibration.problem import Problem
    from thecal.experiments.validation.calibration.search import Generation
    from thecal.experiments.validation.calibration.study import Study

_MOST_GENERATIONS = 10_000
_MOST_SEED = 2**32 - 1


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("calibrate", rich_help_panel="Experiments")(calibrate)


def calibrate(
    study: Annotated[str, typer.Argument(help="Study by name or TOML file; see `thecal list studies`.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for parameter files, record and report.", file_okay=False)
    ] = Path("calibration"),
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Also change the parameter files of this checkout.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the study and show what it says.")] = False,
    generations: Annotated[
        int | None,
        typer.Option("--generations", help="Budget; default: the study's.", min=1, max=_MOST_GENERATIONS),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the optimizer; default: the study's.", min=0, max=_MOST_SEED)
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default: one a core.", min=1, max=MOST_WORKERS)
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="Keep candidates here, and go on from what is there (.json).", dir_okay=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the free numbers of a study to its targets (CMA-ES), within what is known of them.

    Writes the changed parameter files, a record and a report. A search that does not converge within its budget writes none of
    them and ends with 1. Patients and seeds are not those of the validation.

    Examples: `thecal calibrate opioid_window --check`, `thecal calibrate mine.toml --out fitted --workers 2`
    """
    check_outputs(
        inputs=[study] if is_toml(study) else [],
        files={"--checkpoint": Output(checkpoint, (".json",))},
        folders={"--out": out},
    )
    require("a calibration", "calibrate")
    from thecal.core.executor import local
    from thecal.experiments.validation.calibration.fit import calibrate as fit
    from thecal.experiments.validation.calibration.outputs import (
        read_checkpoint,
        require_checkout,
        write_checkpoint,
        write_fit,
    )
    from thecal.experiments.validation.calibration.problem import problem_of
    from thecal.experiments.validation.calibration.study import load_study

    if in_place:
        require_checkout()
    problem = problem_of(_with(load_study(study), generations, seed))
    if check:
        _show_study(problem, as_json)
        return
    known = [] if checkpoint is None else read_checkpoint(checkpoint, problem)

    def keep(points: Sequence[Any]) -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, problem, points)

    found = fit(problem, executor=local(workers), progress=_progress(problem), known=known, checkpoint=keep)
    with held():
        written = write_fit(found, out, in_place=in_place)
    _show(found, as_json)
    for path in written:
        note(f"wrote {path}")


def _with(study: Study, generations: int | None, seed: int | None) -> Study:
    if generations is not None:
        study = study.model_copy(update={"search": study.search.model_copy(update={"generations": generations})})
    return study if seed is None else study.model_copy(update={"seed": seed})


def _progress(problem: Problem) -> Any:
    total, begun = problem.study.search.generations, time.monotonic()

    def line(generation: Generation) -> None:
        minutes = (time.monotonic() - begun) / 60.0
        note(
            f"generation {generation.number} of at most {total}: loss {generation.best:.4g} to {generation.median:.4g}, "
            f"best {generation.so_far:.4g}, step {generation.step:.3g}, {minutes:.1f} min"
        )

    return line


def _show_study(problem: Problem, as_json: bool) -> None:
    study = problem.study
    if as_json:
        emit({"hash": study.hash, "study": study, "shipped": dict(zip(study.free, problem.shipped, strict=True))})
        return
    table = plain_table(f"{study.title}: free numbers", ["number", "shipped", "prior median", "bounds", "unit"])
    for (name, free), value in zip(study.free.items(), problem.shipped, strict=True):
        low, high = free.bounds
        table.add_row(name, f"{value:.4g}", f"{free.prior.median:.4g}", f"{low:g} to {high:g}", free.unit)
    output().print(table)
    targets = plain_table("Targets", ["target", "structure", "weight", "interval"])
    for (key, structure), target in problem.targets.items():
        targets.add_row(key, structure, f"{study.target[key].weight:g}", target.interval + target.suffix)
    output().print(targets)


def _show(found: Fit, as_json: bool) -> None:
    from thecal.experiments.validation.calibration.outputs import number_rows, record_of, target_rows

    if as_json:
        emit(record_of(found))
        return
    table = plain_table(found.problem.study.title, ["number", "shipped", "fitted", "posterior / prior spread"])
    for row in number_rows(found):
        left = f"{row['posterior_to_prior_spread']:.2f}{'' if row['identified'] else ', not identified'}"
        table.add_row(row["name"], f"{row['shipped']:.4g}", f"{row['value']:.4g}", left)
    output().print(table)
    rows = target_rows(found)
    met = {name: sum(row[f"{name}_within"] for row in rows) for name in ("before", "after")}
    say(f"targets within their interval: {met['before']} before, {met['after']} after, of {len(rows)}")
    say(found.search.why)
