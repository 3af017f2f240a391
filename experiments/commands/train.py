"""``thecal train``: learn a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from thecal.core.seeds import MOST_STEPS
from thecal.experiments.commands.common import (
    INTERRUPTED,
    Config,
    Json,
    Set,
    check_names,
    emit,
    errors,
    gathered,
    output,
    plain_table,
    progress_bar,
    say,
    tracked_at,
)
from thecal.experiments.commands.places import check_outputs, files_of
from thecal.experiments.commands.scenario import with_scenario

_SHOWN = ("mean_nrs", "resp_hours", "sed_hours", "withdrawal_hours", "dose_mg_per_day")  # beside the primary outcome

_SCHEMA = 1  # of what --json prints


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train", rich_help_panel="Experiments")(train)


@with_scenario()
def train(
    scenario: dict[str, Any],
    algorithm: Annotated[str | None, typer.Option("--algorithm", "-a", help="ppo (default) or sac.")] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Decisions to simulate; default as shipped.", min=1, max=MOST_STEPS)
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder of the policy; default runs/train.")] = None,
    config: Config = None,
    settings: Set = None,
    track: Annotated[
        bool | None, typer.Option("--track/--no-track", help="Keep the run in MLflow.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a policy on the training patients and check it on the tuning patients.

    Ctrl-C ends early and keeps what was learned.

    Examples: `thecal train --frames 500000 --seed 3`,
    `thecal train --task NonCancerMorphine --set settings.learning_rate=3e-4 --out runs/slow`
    """
    from thecal.agents.backends.settings import load_rl_settings
    from thecal.envs.outcomes import outcome
    from thecal.envs.tasks import load_task
    from thecal.experiments.studies.config import TrainConfig, load_config

    given = scenario | {"algorithm": algorithm, "total_steps": frames, "out": out, "track": track}
    chosen = load_config(TrainConfig, config, gathered(given, settings))
    check_outputs(inputs=[config, *files_of(chosen)], folders={"--out": chosen.out})
    check_names(chosen.scenario)
    shipped = load_rl_settings(chosen.algorithm, load_task(chosen.task).name, **chosen.settings)
    total = chosen.total_steps or shipped.total_steps
    from thecal.experiments.analysis.stored import head
    from thecal.experiments.studies.train import train as run_training

    with progress_bar(f"train {chosen.algorithm} on {load_task(chosen.task).name}", total) as update:

        def report(done: int, _total: int, numbers: Mapping[str, float]) -> None:
            update(done, f"reward {numbers['reward_per_step']:.3f} a decision")

        result = run_training(chosen, report)
    speed = result.trained.throughput
    if as_json:
        emit(
            {
                **head(_SCHEMA, chosen.scenario.resolve()),
                "folder": result.folder, "run_id": result.run_id, "frames": speed.frames, "seconds": speed.seconds,
                "frames_per_s": speed.frames_per_s, "interrupted": result.interrupted, "tune": result.tune,
            }
        )  # fmt: skip
    else:
        table = plain_table(f"{chosen.tune_patients} tuning patients", ["outcome", "mean", "unit"])
        primary = load_task(chosen.task).primary.outcome
        for key in (primary, *(key for key in _SHOWN if key in result.tune and key != primary)):
            entry = outcome(key)
            table.add_row(entry.label, f"{result.tune[key]:.{entry.digits}f}", entry.unit)
        output().print(table)
        say(f"policy in {result.folder}/policy ({speed.frames:,} frames at {speed.frames_per_s:,.0f}/s)")
    tracked_at(result.run_id)
    if result.interrupted:
        errors().print("[bold red]interrupted[/]: what was learned so far was saved")
        raise typer.Exit(INTERRUPTED)
