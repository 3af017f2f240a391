"""``thecal validate``: whether the virtual patients can be believed, in a minute or as the whole score that is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.seeds import MOST_WORKERS
from thecal.experiments.commands.common import Json, emit, note, output, progress_bar, waiting
from thecal.experiments.commands.places import check_outputs

if TYPE_CHECKING:
    from thecal.core.executor import Executor
    from thecal.experiments.validation.scores import Score
    from thecal.experiments.validation.scoring import Plan
    from thecal.experiments.validation.stored import Saved

_SETS, _STRUCTURES = ("development", "final"), ("axial", "compartment", "both")
_FEWEST = 2  # cohorts: one leaves no error to tell
_MOST = 64  # beyond every set of seeds, whose own size the plan knows


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("validate", rich_help_panel="Experiments")(validate)


def validate(
    names: Annotated[
        list[str] | None, typer.Argument(help="Targets; all when none is named.", show_default=False)
    ] = None,
    as_json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a target is not met.")] = False,
    long: Annotated[
        bool, typer.Option("--long", "-l", help="Show populations, regimens, sources and cohorts.")
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="The whole score: eight cohorts, both structures, more patients where it is noisy."
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", help="Cohorts; 2, or 8 with --full.", min=_FEWEST, max=_MOST, show_default=False),
    ] = None,
    seed_set: Annotated[
        str | None, typer.Option("--seed-set", help="development, or final: for the one run after all is frozen.")
    ] = None,
    structure: Annotated[
        str | None, typer.Option("--structure", help="axial, compartment or both; axial, or both with --full.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default: one a core.", min=1, max=MOST_WORKERS)
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option("--docs", help="Also write validation.md, its figures and data here; --full.", file_okay=False),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            help="Record the score in a checkout: its docs, and whether swap is offered; --full.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Compare the virtual patients with published observations; misses are shown, not hidden.

    An observation passes when the model's value lies in its interval with a probability of 0.9 or more, over several cohorts.
    The short form takes two cohorts of the first structural model.

    Examples: `thecal validate`, `thecal validate csf_half_life --long`, `thecal validate --full --record .`
    """
    from thecal.experiments.validation.scores import records
    from thecal.experiments.validation.validate import details, load_targets, table
    from thecal.experiments.validation.validate import validate as reproduce

    if (docs or record) and names:
        raise ConfigError(f"--{'docs' if docs else 'record'} writes the page of all targets: name none")
    whole = full or docs is not None or record is not None
    plan = _plan(whole, seeds, seed_set, structure)
    if whole and (docs or record):
        _check_whole(plan)
    check_outputs(folders={"--docs": docs, "--record": record})
    if record:
        _check_checkout(record)
    if docs or record:
        require("the page of the validation", "study", only=["matplotlib"])
    if not whole:
        note(f"short form: {len(plan.seeds)} cohorts and no error bound; --full gives the whole score")
    executor = _executor(whole, workers)
    total = len(names or load_targets())
    with progress_bar(f"reproduce {total} observations", None) as update:
        scores = reproduce(names or None, plan, executor, lambda done, of, what: update(done, what, of))
    if docs or record:
        saved = _saved(scores, seed_set or _SETS[0])
        for place in dict.fromkeys(place for place in (docs, record and record / "docs") if place):
            _write_page(saved, place)
        if record:
            _write_record(saved, record)
    if as_json:
        emit(records(scores))
    else:
        output().print(details(scores) if long else table(scores))
    if strict and not all(score.passed for score in scores):
        raise typer.Exit(1)


def _plan(whole: bool, seeds: int | None, seed_set: str | None, structure: str | None) -> Plan:
    from dataclasses import replace

    from thecal.experiments.validation.scores import STRUCTURES
    from thecal.experiments.validation.scoring import FULL, SHORT
    from thecal.experiments.validation.seeds import SEED_SETS

    plan = FULL if whole else SHORT
    known = SEED_SETS[_one_of("--seed-set", seed_set or _SETS[0], _SETS)]
    count = len(plan.seeds) if seeds is None else seeds
    if count > len(known):
        raise ConfigError(f"--seeds {count}: each set has {len(known)} seeds")
    if structure is not None:
        named = _one_of("--structure", structure, _STRUCTURES)
        plan = replace(plan, structures=tuple(name for name in STRUCTURES if named in (name, "both")))
    return replace(plan, seeds=known[:count])


def _one_of(option: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise ConfigError(f"{option} {given!r}: not one of {', '.join(known)}")
    return given


def _check_whole(plan: Plan) -> None:
    from thecal.experiments.validation.scoring import FULL

    if len(plan.seeds) < len(FULL.seeds) or plan.structures != FULL.structures:
        raise ConfigError("--docs and --record write the whole score: leave out --seeds and --structure")


def _check_checkout(folder: Path) -> None:
    """See that what will be recorded is what runs.

    Raises:
        ConfigError: the folder is not the checkout from which Thecal is imported.
    """
    from thecal.physiology.structures import FOLDER

    if (folder / "physiology").resolve() != FOLDER:
        raise ConfigError(f"--record {folder}: not the checkout that runs, whose patients lie in {FOLDER}")


def _executor(whole: bool, workers: int | None) -> Executor:
    """The whole score over processes; a short one in this process, whose kernels use every core by themselves."""
    from thecal.core.executor import Serial, local

    return local(workers) if whole or workers is not None else Serial()


def _saved(scores: list[Score], seed_set: str) -> Saved:
    from thecal.experiments.validation.scoring import BRIEF
    from thecal.experiments.validation.stored import Saved, origin
    from thecal.experiments.validation.validate import validate as reproduce
    from thecal.experiments.validation.validate import visual_checks

    with waiting("short form and courses over time ..."):
        return Saved(scores, visual_checks(), reproduce(plan=BRIEF), origin(seed_set))


def _write_page(saved: Saved, folder: Path) -> None:
    from thecal.experiments.reports.validation_page import write_page
    from thecal.experiments.validation.stored import save

    save(saved, folder)
    note(f"wrote {write_page(folder)}")


def _write_record(saved: Saved, folder: Path) -> None:
    from thecal.experiments.validation.stored import write_record
    from thecal.physiology.structures import FILE

    note(f"wrote {write_record(saved, folder / 'physiology' / 'data' / FILE.name)}")
