"""``thecal train``: learn a policy."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.errors import ConfigError
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

if TYPE_CHECKING:
    from thecal.agents.backends.base import Throughput
    from thecal.experiments.studies.config import TrainConfig

_SHOWN = ("mean_nrs", "resp_hours", "sed_hours", "withdrawal_hours", "dose_mg_per_day")  # beside the primary outcome

_SCHEMA = 1  # of what --json prints


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train", rich_help_panel="Experiments")(train)


@with_scenario()
def train(
    folder: Annotated[
        str | None, typer.Argument(help="Folder of the run to go on with; only with --resume.", show_default=False)
    ] = None,
    *,
    scenario: dict[str, Any],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in FOLDER (or --out), to the same result.")
    ] = False,
    algorithm: Annotated[
        str | None, typer.Option("--algorithm", "-a", help="ppo (default) or another; thecal list algorithms.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Decisions to simulate; default as shipped.", min=1, max=MOST_STEPS)
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder of the policy; default runs/train.")] = None,
    config: Config = None,
    settings: Set = None,
    track: Annotated[
        bool | None, typer.Option("--track/--no-track", help="Keep the run in MLflow.", show_default=False)
    ] = None,
    timing: Annotated[
        bool, typer.Option("--timing", help="Show where the time went; training.json has it always.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a policy on the training patients and check it on the tuning patients.

    Ctrl-C, SIGTERM and SIGHUP end early and keep what was learned. Checkpoints are written on the way, so that a run that
    ended before its time can go on, whatever ended it.

    Examples: `thecal train --frames 500000 --seed 3`,
    `thecal train --task NonCancerMorphine --set settings.learning_rate=3e-4 --out runs/slow`,
    `thecal train --resume runs/slow`, `thecal train --frames 100000 --timing`
    """
    from thecal.agents.backends.settings import load_rl_settings
    from thecal.envs.outcomes import outcome
    from thecal.envs.tasks import load_task

    given = scenario | {"algorithm": algorithm, "total_steps": frames, "out": out, "track": track}
    chosen = _chosen(folder, resume, config, gathered(given, settings))
    check_outputs(inputs=[config, *files_of(chosen)], folders={"--out": chosen.out})
    check_names(chosen.scenario)
    shipped = load_rl_settings(chosen.algorithm, load_task(chosen.task).name, **chosen.settings)
    total = chosen.total_steps or shipped.total_steps
    from thecal.experiments.analysis.stored import head
    from thecal.experiments.studies.train import train as run_training

    with progress_bar(f"train {chosen.algorithm} on {load_task(chosen.task).name}", total) as update:

        def report(done: int, _total: int, numbers: Mapping[str, float]) -> None:
            update(done, f"reward {numbers['reward_per_step']:.3f} a decision")

        result = run_training(chosen, report, resume=resume, tell=_tell)
    speed, frames_done = result.trained.throughput, result.trained.record.frames
    if as_json:
        emit(
            {
                **head(_SCHEMA, chosen.scenario.resolve()),
                "folder": result.folder, "run_id": result.run_id, "frames": frames_done, "seconds": speed.seconds,
                "frames_per_s": speed.frames_per_s, "interrupted": result.interrupted, "tune": result.tune,
                **({"time": speed.as_dict()} if timing else {}),
            }
        )  # fmt: skip
    else:
        table = plain_table(f"{chosen.tune_patients} tuning patients", ["outcome", "mean", "unit"])
        primary = load_task(chosen.task).primary.outcome
        for key in (primary, *(key for key in _SHOWN if key in result.tune and key != primary)):
            entry = outcome(key)
            table.add_row(entry.label, f"{result.tune[key]:.{entry.digits}f}", entry.unit)
        output().print(table)
        say(f"policy in {result.folder}/policy ({frames_done:,} frames at {speed.frames_per_s:,.0f}/s)")
        if timing:
            output().print(_timing(speed))
    tracked_at(result.run_id)
    if result.interrupted:
        errors().print("[bold red]interrupted[/]: what was learned so far was saved")
        if result.checkpoint is not None:
            begun = f"the checkpoint at {result.checkpoint:,} frames"
            _tell(f"thecal train --resume {shlex.quote(str(result.folder))} goes on from {begun}")
        raise typer.Exit(INTERRUPTED)


def _timing(speed: Throughput) -> Any:
    """A table of where the time of a training went."""
    from thecal.agents.backends.base import PARTS

    title = f"{speed.frames:,} frames in {speed.seconds:,.1f} s, {speed.frames_per_s:,.0f} a second"
    table = plain_table(title, ["part", "seconds", "share", "us a frame"])
    for part, words in PARTS.items():
        spent = speed.share(part) * speed.seconds
        table.add_row(words, f"{spent:.2f}", f"{speed.share(part):.1%}", f"{1e6 * spent / max(speed.frames, 1):.1f}")
    return table


def _chosen(folder: str | None, resume: bool, file: Path | None, given: dict[str, Any]) -> TrainConfig:
    """The configuration, which for a run that goes on is the one it began with."""
    from thecal.experiments.studies.config import TrainConfig, load_config
    from thecal.experiments.studies.resuming import resumed_values

    if not resume:
        if folder is not None:
            raise ConfigError(f"the folder {folder!r} is for --resume; a new run takes --out {shlex.quote(folder)}")
        return load_config(TrainConfig, file, given)
    if folder is not None and given.get("out") not in (None, folder):
        raise ConfigError(
            f"--resume {folder} and --out {given['out']} name two folders; the run goes on where it began"
        )
    place = folder or given.get("out") or TrainConfig.model_fields["out"].default
    if file is not None:
        raise ConfigError("--resume takes the configuration of the run itself, not --config")
    return load_config(TrainConfig, None, {**resumed_values(Path(place)), **given, "out": str(place)})


def _tell(text: str) -> None:
    errors().print(text, markup=False, highlight=False, soft_wrap=True)
