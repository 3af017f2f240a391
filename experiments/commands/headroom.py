"""``thecal headroom``: what there is to win on a task, and whether skill shows on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.errors import ConfigError
from thecal.core.seeds import MOST_PATIENTS, SEED_LIMIT
from thecal.experiments.commands.common import Json, check_names, emit, note, output, plain_table, progress_bar, say
from thecal.experiments.commands.places import Output, check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario

if TYPE_CHECKING:
    from thecal.core.tables import PlainTable
    from thecal.experiments.analysis.headroom import Center, Headroom

_FAILED = 1
_ALL = 1.0
_UNITS = (
    "well: % of time well treated; sed h, resp h: hours over-sedated and of depressed breathing in a patient; Deaths: % of "
    "patients; score: 0 as hold, 1 as the reference; each ± its standard error"
)
_MOST_DIGITS = len(str(SEED_LIMIT))
_CENTERS = {"mean": "Mean", "median": "Median", "trimmed": "10 % trimmed mean"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("headroom", rich_help_panel="Experiments")(headroom)


@with_scenario(leave_out=("task", "split", "shield_mode", "cohort_seed", "seed"))
def headroom(
    task: Annotated[str, typer.Argument(help="Task by name or .toml file.", show_default=False)],
    scenario: dict[str, Any],
    patients: Annotated[
        int, typer.Option("--patients", "-n", help="Virtual patients of each seed.", min=1, max=MOST_PATIENTS)
    ] = 300,
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", help="Seeds of cohorts and days, as 1,2,3; default: three.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write the record here (.json).", dir_okay=False)
    ] = None,
    models: Annotated[
        bool, typer.Option("--models/--no-models", help="Run the policies that plan with a model, too.")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a rule is not met.")] = False,
    as_json: Json = False,
) -> None:
    """What there is to win on a task: rules, sanity policies, the planning oracle and the best dose in hindsight.

    Patients are of the tune split alone, each seed a cohort of its own with its own days, so there is no --split, --seed or
    --cohort-seed; hindsight runs with the shield and without, so there is no --shield, and the task comes without --task.
    Example: `thecal headroom CancerMorphine -n 100 --out headroom.json`
    """
    check_outputs(inputs=files_of({"task": task, **scenario}), files={"--out": Output(out, (".json",))})
    from thecal.envs.scenario import Scenario

    where = Scenario.of(task, **scenario, split="tune")
    check_names(where)
    from thecal.experiments.analysis.headroom import MODELS
    from thecal.experiments.analysis.headroom_stored import save_headroom, to_dict
    from thecal.experiments.studies.headroom import SEEDS, check_size
    from thecal.experiments.studies.headroom import headroom as measure

    chosen = check_size(patients, SEEDS if seeds is None else _numbers(seeds))
    with progress_bar(f"headroom on {patients} tune patients of each seed", _ALL) as update:
        chosen_models = MODELS if models else ()
        found = measure(
            where, patients, chosen, models=chosen_models, progress=lambda share, what: update(share, what, _ALL)
        )
    if out is not None:
        note(f"wrote {save_headroom(found, out)}")
    if as_json:
        emit(to_dict(found))
    else:
        _show(found)
    if strict and not found.judgment.passed:
        raise typer.Exit(_FAILED)


def _numbers(text: str) -> list[int]:
    """Whole numbers between commas.

    Raises:
        ConfigError: something else stands there.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS):
            raise ConfigError(f"--seeds: {word[:_MOST_DIGITS]!r} is no seed; write them as 1,2,3")
    return [int(word) for word in words]


def _show(found: Headroom) -> None:
    """The tables of outcomes, then what they mean, one sentence a line."""
    judgment = found.judgment
    for center, words in _CENTERS.items():
        output().print(_table(found, center, words))
    for name, why in found.left_out.items():
        say(f"{name} was not run: {why}")
    total = found.patients * len(found.seeds)
    said = judgment.policies[judgment.reference].label.lower()
    say(f"The reference is the better of oracle and hindsight on this task, {said}.")
    apart = f"{found.apart:g} points of well-treated time"
    say(
        f"{_cell(judgment.discriminate, 0)} % of patients tell hold and rules apart by more than {apart}, "
        f"{_cell(judgment.discriminate_reference, 0)} % with {said} among them; {judgment.undefined} of {total} have no "
        f"score, because hold and {said} are closer than that."
    )
    opened = f"{100 * judgment.open_share:.0f} % of the way from hold to {said} is open"
    say(f"Above the best rule, {judgment.best_rule}, {opened}.")
    for rule in judgment.rules:
        say(f"- {rule.sentence}")
    verdict = (
        "every rule is met: skill shows on this task" if judgment.passed else "not every rule is met: redesign the task"
    )
    say(f"Verdict on {_task(found)}: {verdict}.")


def _task(found: Headroom) -> str:
    return str(getattr(found.scenario.task, "name", found.scenario.task))


def _table(found: Headroom, center: str, words: str) -> PlainTable:
    from thecal.envs.outcomes import outcome
    from thecal.experiments.analysis.results import marks
    from thecal.experiments.studies.headroom import OUTCOMES, PARTS

    shown = [outcome(key) for key in OUTCOMES if key not in PARTS]
    mark = marks(unshielded=False, unproved=not found.proved, wide=found.wide)
    size = f"{found.patients} tune patients of each seed ({', '.join(map(str, found.seeds))})"
    title = f"{mark}{': ' if mark else ''}{words}, {_task(found)}, {found.profile}, {size}"
    heads = [entry.brief or entry.label for entry in shown]
    table = plain_table(title, ["policy", *heads, "score"], numbers=True, caption=_UNITS)
    for row in found.judgment.policies.values():
        cells = [_cell(getattr(row.outcomes[entry.key], center), entry.digits) for entry in shown]
        table.add_row(row.label, *cells, _cell(getattr(row.score, center), 2))
    return table


def _cell(center: Center, digits: int) -> str:
    """Value and standard error; a value that rounds to zero has no sign."""
    return f"{round(center.value, digits) + 0.0:.{digits}f} ± {center.error:.{digits}f}"
