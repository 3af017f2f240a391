"""``thecal verify``, ``audit``, ``attack`` and ``safety-case``: prove the shield, audit what ran, try to break it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.files import as_json as json_text
from thecal.core.files import write_whole
from thecal.core.seeds import MOST_PATIENTS, MOST_STEPS, MOST_WORKERS
from thecal.experiments.commands.common import (
    Json,
    Seed,
    emit,
    note,
    output,
    plain_table,
    progress_bar,
    say,
    waiting,
)
from thecal.experiments.commands.places import Output, check_outputs, files_of
from thecal.experiments.commands.prove import verify
from thecal.experiments.commands.safety_case import safety_case
from thecal.experiments.commands.scenario import with_scenario

_FAILED = 1
_WIDEST = 12
_ATTACK_SCHEMA = 2  # 1 crossed no wires


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (verify, audit, attack):
        app.command(command.__name__, rich_help_panel="Safety")(command)
    app.command("safety-case", rich_help_panel="Safety")(safety_case)


def audit(
    target: Annotated[
        str, typer.Argument(help="Run, folder or trail file; or `verify` and a trail file.", show_default=False)
    ],
    trail: Annotated[Path | None, typer.Argument(help="With `verify`: the trail file.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Audit executed trajectories with the independent auditor; a run without a trail is replayed.

    `thecal audit verify FILE` checks only that no record of a trail was altered or is garbage. Exit with 1 on a violation, too.

    Examples: `thecal audit 3f2a...`, `thecal audit runs/evaluate`, `thecal audit verify guideline.trail`
    """
    from thecal.experiments.assurance.audits import audit_target, integrity
    from thecal.safety.trail import inspect

    if target == "verify" and trail is not None:
        found = inspect(trail)
        words = integrity(found)
        if as_json:
            emit({**vars(found), "sound": found.sound, "words": words})
        else:
            say(f"{trail.name}: {found.records} records, head {found.head[:16]}")
            say("; ".join(words) or "whole: no record was altered")
        if not found.sound:
            raise typer.Exit(_FAILED)
        return
    if trail is not None:
        raise ConfigError(f"two targets were given; to check a file say `thecal audit verify {trail}`")
    with waiting("auditing ..."):
        results = audit_target(target)
    if as_json:
        emit(results)
    else:
        for result in results:
            _show(result)
    bad = ("altered", "garbage")
    if any(
        result["violations"] or any(word in words for word in bad for words in result["integrity"])
        for result in results
    ):
        raise typer.Exit(_FAILED)


def _show(result: dict[str, Any]) -> None:
    how = "replayed" if result.get("replayed") else "from its trail"
    title = f"{result['policy']}, {result['patients']} patients, {result['ticks']:,} ticks, {how}"
    table = plain_table(title, ["invariant", "narrowest margin"], numbers=True)
    for name, value in result["margins"].items():
        table.add_row(name, f"{value:.2%}")
    output().print(table)
    for words in result["integrity"]:
        say(words, "yellow")
    if result["mode"] in ("monitor", "off"):
        say(f"UNSHIELDED ({result['mode']}): limits did not bind and were not audited", "yellow")
    for invariant, patient, tick, words in result["breaches"][:_WIDEST]:
        say(f"invariant {invariant}, patient {patient}, tick {tick}: {words}", "red")
    say(f"{result['violations']} violations")


@with_scenario(leave_out=("task", "seed"))
def attack(
    scenario: dict[str, Any],
    patients: Annotated[
        int, typer.Option("--patients", "-n", help="Patients in each scenario.", min=1, max=MOST_PATIENTS)
    ] = 22,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may be given several times.")
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", help="Training frames of the learned adversary; 0: none.", min=0, max=MOST_STEPS)
    ] = 60_000,
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the result (JSON).", dir_okay=False)] = Path(
        "attack.json"
    ),
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default: one a core.", min=1, max=MOST_WORKERS)
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Attack the shield over every task, pump and preset of faults, and let the auditor judge.

    Exit with 1 on a violation, when nothing ran, and when a case could not run that the options chose.

    Here --task limits the tasks, and --seed is that of the first case; each further case has the next.

    Without --task the shield is also attacked alone, for every profile and drug; every limit is loosened and every wire to the
    shield crossed in turn, to see whether that is noticed.

    Examples: `thecal attack`, `thecal attack -n 4 --task CancerMorphine --frames 0`
    """
    if frames:
        require("the learned adversary (--frames 0 leaves it out)", "train", only=["torch", "stable_baselines3"])
    from dataclasses import replace

    from thecal.experiments.analysis.stored import written_by
    from thecal.experiments.assurance.attack import AttackCase, attack_cases, run_attack, scenarios_hash
    from thecal.experiments.assurance.harness import HarnessCase, harness_cases
    from thecal.experiments.assurance.strength import strength, wiring

    inputs = [*files_of(scenario), *(file for task in tasks or () for file in files_of({"task": task}))]
    check_outputs(inputs=inputs, files={"--out": Output(out, (".json",))})
    cases = attack_cases(patients, seed, tasks, scenario)
    trained: dict[str, dict[str, float]] = {}
    if frames:
        weights = {case.task: _weights_file(out, case.task) for case in cases}
        trained = _train_adversaries(weights, frames, seed, scenario)
        cases = [replace(case, adversary=str(weights[case.task])) for case in cases]
    every: list[AttackCase | HarnessCase] = [*cases, *(harness_cases(seed) if tasks is None else [])]
    with progress_bar(f"attack {len(every)} cases", len(every)) as update:
        result = run_attack(
            every, workers=workers,
            progress=lambda done, total, found: update(
                done, f"{found.ticks:,} ticks, {len(found.breaches)} violations", total
            ),
        )  # fmt: skip
    for key, trial in {"strength": strength, "wiring": wiring}.items():
        with waiting(f"{key} of the attack ..."):
            result[key] = [] if tasks else trial(workers=workers)
    result = {
        **written_by(_ATTACK_SCHEMA), "options": scenario, "tasks": sorted({case.task for case in cases}),
        "scenarios_hash": scenarios_hash(cases), **result, "adversary": trained,
    }  # fmt: skip
    write_whole(out, json_text(result, indent=1))
    if as_json:
        emit(result)
    else:
        _show_attack(result)
        note(f"wrote {out}")
    missed = result["refused"] and (tasks or scenario)
    if result["violations"] or not result["ticks"] or missed:
        raise typer.Exit(_FAILED)


def _weights_file(out: Path, task: str) -> Path:
    """Beside the result; a task that is a file is called by the name inside it."""
    from thecal.envs.tasks import load_task

    return out.with_name(f"{out.stem}.{load_task(task).name}.npz")


def _train_adversaries(
    weights: dict[str, Path], frames: int, seed: int, options: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """One for each task, its weights in its file; returns how much each learned."""
    from thecal.envs.scenario import Scenario
    from thecal.experiments.assurance.adversary import train_adversary

    trained = {}
    for task, path in weights.items():
        with waiting(f"training the adversary of {task} ..."):
            trained[task] = train_adversary(Scenario.of(task, **options), path, frames=frames, seed=seed)
    return trained


def _show_attack(result: dict[str, Any]) -> None:
    title = f"Attack: {result['ticks']:,} ticks in {result['seconds']:.0f} s, {result['violations']} violations"
    table = plain_table(title, ["invariant", "put to the test", "narrowest margin"], numbers=True)
    margins = result["margins"]
    for name, count in result["tested"].items():
        if count or name in margins:
            table.add_row(name, f"{count:,}", f"{margins[name]:.2%}" if name in margins else "-")
    output().print(table)
    for case in result["refused"]:
        named = ", ".join(value for name, value in case.items() if name != "why")
        note(f"could not run {named}: {case['why']}", "red")
    if result["refused"]:
        output().print(f"{len(result['refused'])} cases could not run")
    if result["strength"]:
        for key, words in (("strength", "loosened limits"), ("wiring", "crossed wires")):
            noticed = sum(entry["found"] for entry in result[key])
            output().print(f"{noticed} of {len(result[key])} {words} were noticed")
