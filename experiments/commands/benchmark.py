"""``thecal benchmark``: rank policies over tasks, difficulties, seeds and shield modes, from results that are stored in parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.errors import ConfigError, UnknownNameError, did_you_mean
from thecal.core.extras import require
from thecal.core.seeds import MOST_PATIENTS, SEED_LIMIT
from thecal.experiments.commands.common import Json, check_names, emit, note, output, plain_table, progress_bar, say
from thecal.experiments.commands.places import check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario

if TYPE_CHECKING:
    from thecal.core.tables import PlainTable
    from thecal.experiments.analysis.leaderboard import Board, Leaderboard, Line

_HINDSIGHT = "hindsight"
_MOST_FIRST = 2**40 - 1
_MOST_DIGITS = len(str(SEED_LIMIT))


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("benchmark", rich_help_panel="Experiments")(benchmark)


@with_scenario(split="test", leave_out=("task", "difficulty", "shield_mode", "cohort_seed", "seed"))
def benchmark(
    policies: Annotated[
        list[str] | None,
        typer.Argument(
            help="Policies by name or folder, and hindsight; default: all rules that fit.", show_default=False
        ),
    ] = None,
    *,
    scenario: dict[str, Any],
    tasks: Annotated[str, typer.Option("--tasks", help="Tasks by name or .toml file, as A,B.")] = "CancerMorphine",
    difficulties: Annotated[str, typer.Option("--difficulties", help="Difficulties, as easy,real.")] = "real",
    shields: Annotated[
        str, typer.Option("--shields", help="Shield modes, as project,off; off shows who leans on the shield.")
    ] = "project",
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds of cohorts and their days, as 1,2,3.")] = "0",
    patients: Annotated[
        int, typer.Option("--patients", "-n", help="Virtual patients of each seed.", min=1, max=MOST_PATIENTS)
    ] = 200,
    first: Annotated[
        int, typer.Option("--first", help="Index of the first of them in the split.", min=0, max=_MOST_FIRST)
    ] = 0,
    reference: Annotated[str, typer.Option("--reference", help="Whom to compare with.")] = "guideline",
    top: Annotated[
        str | None,
        typer.Option("--top", help="Who is 1 of the score; default hindsight where it runs.", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the results, where a run goes on.", file_okay=False)
    ] = Path("runs/benchmark"),
    report: Annotated[
        bool, typer.Option("--report", help="Only write the leaderboard of what is stored in --out; nothing is run.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Rank policies on the same patients and days of every task, difficulty, shield mode and seed.

    Each has its own option, so there is no --task, --difficulty, --shield, --cohort-seed or --seed. What is stored in --out is
    not run again. Examples: `thecal benchmark fixed guideline pid hindsight -n 100 --seeds 1,2`,
    `thecal benchmark --report --out runs/benchmark`
    """
    require("a leaderboard", "report", only=["jinja2"])
    named = {"tasks": _words("--tasks", tasks), "policies": tuple(policies or ())}
    inputs = [*files_of(scenario), *(place for task in named["tasks"] for place in files_of({"task": task}))]
    check_outputs(inputs=[*inputs, *named["policies"]], folders={"--out": out})
    if not report:
        given = {"difficulties": _words("--difficulties", difficulties), "shield_modes": _words("--shields", shields)}
        numbers = {"seeds": _seeds(seeds), "patients": patients, "first": first, "reference": reference, "top": top}
        _run({**named, **given, **numbers, "options": {"split": "test", **scenario}}, out)
    from thecal.experiments.analysis.leaderboard_build import build
    from thecal.experiments.analysis.leaderboard_stored import save_leaderboard, to_dict
    from thecal.experiments.reports.benchmark_page import PAGE, write_leaderboard

    found = build(out)
    note(f"wrote {save_leaderboard(found, out)}")
    page = write_leaderboard(found, out / PAGE)
    if as_json:
        emit(to_dict(found))
    else:
        for board in found.boards:
            output().print(_table(found, board))
            _tell(board)
    note(f"report: {page}")


def _run(values: dict[str, Any], out: Path) -> None:
    """See to everything that is named, then run what is not stored."""
    from thecal.agents.find import folder_of
    from thecal.agents.registry import policy_names
    from thecal.envs.scenario import Scenario

    known = (*policy_names(), _HINDSIGHT)
    for name in values["policies"]:
        if name not in known and folder_of(name) is None and did_you_mean(name, [_HINDSIGHT]):
            raise UnknownNameError("policy", name, known, hint="or the folder of a trained policy")
    for task in values["tasks"]:
        for difficulty in values["difficulties"]:
            for mode in values["shield_modes"]:
                where = Scenario.of(task, **values["options"], difficulty=difficulty, shield_mode=mode)
                check_names(where, [name for name in values["policies"] if name != _HINDSIGHT])
    require("a benchmark", "track", only=["pyarrow"])
    if not values["policies"]:
        values["policies"] = _all_rules(values)
    from thecal.experiments.studies.benchmark import benchmark as run
    from thecal.experiments.studies.benchmark import checked_slice

    chosen = checked_slice(values)
    with progress_bar("benchmark", None) as update:
        done = run(chosen, out, progress=lambda k, total, what: update(k, what, total))
    for name, why in done.discarded.items():
        note(f"discarded {name} and ran it anew: {why}", "yellow")
    note(f"{done.ran} parts ran, {done.kept} were stored already")


def _all_rules(values: dict[str, Any]) -> tuple[str, ...]:
    """Every policy without training that fits all tasks."""
    from thecal.envs.scenario import Scenario
    from thecal.experiments.commands.evaluate import offered_rules

    found = [offered_rules(Scenario.of(task, **values["options"])) for task in values["tasks"]]
    return tuple(name for name in found[0] if all(name in others for others in found))


def _words(option: str, text: str) -> tuple[str, ...]:
    """Words between commas.

    Raises:
        ConfigError: there is none.
    """
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise ConfigError(f"{option}: nothing is named; write one or several, as A,B")
    return words


def _seeds(text: str) -> tuple[int, ...]:
    words = _words("--seeds", text)
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS):
            raise ConfigError(f"--seeds: {word[:_MOST_DIGITS]!r} is no seed; write them as 1,2,3")
    return tuple(int(word) for word in words)


def _table(found: Leaderboard, board: Board) -> PlainTable:
    from thecal.agents.info import PRIVILEGED

    mark = f"{board.mark}: " if board.mark else ""
    title = f"{mark}{board.title}, {board.patients} {found.split} patients"
    heads = ["policy", "rank", "utility", "well", "worst tenth", "score", "claim"]
    caption = (
        "utility: balanced weighting, mean (95 %); well: % of time well treated, interquartile mean; worst tenth: of utility; "
        "score: 0 as hold, 1 as the top"
    )
    table = plain_table(title, heads, caption=caption)
    for lines in (board.lines, board.apart):
        for name, line in lines.items():
            table.add_row(f"{name} ({PRIVILEGED})" if line.info.privileged else name, *_cells(line))
        table.add_section()
    return table


def _cells(line: Line) -> list[str]:
    from thecal.experiments.analysis.shown import fixed

    place, value = line.place, line.utility["balanced"]
    ranks = f"{place.rank}" if place.low == place.high else f"{place.rank} ({place.low} to {place.high})"
    return [
        ranks,
        f"{fixed(value.mean, 1)} ({fixed(value.low, 1)} to {fixed(value.high, 1)})",
        fixed(line.well.iqm.mean, 1),
        fixed(line.value.worst.mean, 1),
        fixed(line.score.mean, 2),
        line.claim,
    ]


def _tell(board: Board) -> None:
    """What a table has no room for: whether the order holds, and what detectors saw."""
    if len(board.lines) > 1 and not board.agreement.same_order:
        said = "they agree on who is first" if board.agreement.same_first else "they do not agree on who is first"
        say(f"The order is not the same under all weightings: {said}.")
    for line in (*board.lines.values(), *board.apart.values()):
        for one in line.failures:
            if one.verdict == "seen":
                say(f"- {line.info.name}: {one.sentence}.")
