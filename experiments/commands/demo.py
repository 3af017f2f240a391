"""``thecal demo``: the whole way in one go, from drawing patients to a trained policy and a report that can be shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thecal.agents.backends.settings import load_rl_settings
from thecal.agents.registry import make_policy
from thecal.core.extras import require
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.tables import brief_table
from thecal.experiments.commands.cohort import describe_table
from thecal.experiments.commands.common import progress_bar, scoring_bar
from thecal.experiments.commands.evaluate import comparison_bar, offered_rules
from thecal.experiments.commands.warm import warm_up
from thecal.experiments.reports.finish import finish_report
from thecal.experiments.studies.config import CompareConfig, TrainConfig
from thecal.experiments.studies.evaluate import run_compare
from thecal.experiments.studies.train import TrainResult, train
from thecal.experiments.tracking.store import look_at, store_uri
from thecal.physiology.cohort import describe, draw

if TYPE_CHECKING:
    from rich.console import Console

    from thecal.experiments.analysis.comparison import Comparison

_COHORT_COLUMNS = ("age_y", "weight_kg", "medd_mg_per_d", "csf_ml", "start_dose_ug_per_d", "pain_base", "bt_per_day")
_SHOWN_PATIENTS = 500


@dataclass(frozen=True)
class Size:
    """How large a demonstration is: patients compared, and frames and settings of the training."""

    patients: int
    tune_patients: int
    frames: int | None
    settings: Mapping[str, Any]
    validation: bool


FULL = Size(patients=100, tune_patients=32, frames=None, settings={}, validation=True)
# A tenth of the frames in shorter rollouts: enough to see every part work, too little to learn much.
QUICK = Size(
    patients=24,
    tune_patients=8,
    frames=196_608,
    settings={"n_envs": 128, "n_steps": 128, "batch_size": 2048},
    validation=False,
)


@dataclass(frozen=True)
class DemoResult:
    """Where things are, and what was found."""

    trained: TrainResult
    comparison: Comparison
    report: Path
    run_id: str | None


def run_demo(
    scenario: Scenario,
    *,
    quick: bool,
    out: Path,
    console: Console,
    frames: int | None = None,
    patients: int | None = None,
) -> DemoResult:
    """Warm up, draw, train, compare, report.

    A demonstration that was interrupted goes on with its training where that is the same one, and says so; the rest begins anew.
    An end by Ctrl-C during the training keeps what was learned and leaves out the rest.

    Args:
        scenario: what the patients meet; its seed is that of everything. Training and tuning patients teach, test patients judge.
        quick: a smoke run of about a minute.
        out: folder for policy, results and report.
        console: where to tell.
        frames, patients: instead of the size's own.

    Raises:
        StoreError: the folder or the tracking store cannot be written.
        MissingExtraError: packages are missing for any of the parts.
        KeyboardInterrupt: the training was interrupted.
    """
    require("the demonstration", "train", "track", "report")
    size = QUICK if quick else FULL
    baselines = offered_rules(scenario)  # before the training, so that a misfit costs no time
    begin = time.perf_counter()
    console.print("[bold]Thecal demo[/] (research simulation only: virtual patients, never a clinical tool)")
    with console.status("1/5 compiling the kernels (once, up to half a minute) ..."):
        seconds = warm_up(scenario)
    console.print(f"1/5 kernels ready after {seconds:.1f} s")
    _show_cohort(console, scenario)
    trained = _train(size, scenario, out, frames, console)
    found, report, run_id = _compare(size, scenario, out, patients or size.patients, trained, baselines, console)
    console.print(brief_table(found.result))
    _tell_where(console, trained, report, time.perf_counter() - begin)
    return DemoResult(trained, found, report, run_id)


def _show_cohort(console: Console, scenario: Scenario) -> None:
    scene = scenario.resolve()
    cohort = draw(scene.cohort, scene.task.drugs, list(range(_SHOWN_PATIENTS)), "train", scenario.cohort_seed)
    rows = describe(cohort)
    shown = {name: rows[name] for name in _COHORT_COLUMNS if name in rows}
    console.print(describe_table(shown, f"2/5 cohort “{cohort.spec.title}”: {_SHOWN_PATIENTS} patients drawn"))


def _train(size: Size, scenario: Scenario, out: Path, frames: int | None, console: Console) -> TrainResult:
    chosen = frames or size.frames
    total = chosen or load_rl_settings("ppo", scenario.resolve().task.name).total_steps
    config = TrainConfig(
        **_fields(scenario),
        experiment="thecal-demo",
        total_steps=total,
        settings=dict(size.settings),
        tune_patients=size.tune_patients,
        out=str(out / "training"),
    )
    with progress_bar(f"3/5 PPO on {total:,} decisions", total) as update:
        result = train(
            config,
            lambda done, _total, seen: update(done, f"reward {seen['reward_per_step']:.3f}"),
            resume=None,
            tell=lambda text: console.print(f"3/5 {text}", markup=False, highlight=False, soft_wrap=True),
        )
    speed = result.trained.throughput
    ended = " (ended early; what was learned is kept, and the same command goes on)" if result.interrupted else ""
    done = result.trained.record.frames
    console.print(f"3/5 trained on {done:,} decisions at {speed.frames_per_s:,.0f}/s{ended}")
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _compare(
    size: Size,
    scenario: Scenario,
    out: Path,
    patients: int,
    trained: TrainResult,
    baselines: tuple[str, ...],
    console: Console,
) -> tuple[Comparison, Path, str | None]:
    config = CompareConfig(
        **_fields(scenario),
        experiment="thecal-demo",
        policies=(str(trained.folder), *baselines),
        patients=patients,
        out=str(out / "comparison"),
    )
    policies = [trained.trained.policy, *(make_policy(name) for name in baselines)]
    written: list[Path] = []
    bars = ExitStack()

    def finish(found: Comparison, folder: Path, origin: dict[str, Any]) -> None:
        bars.close()  # one bar at a time
        written.append(finish_report(found, folder, origin, [trained.folder], size.validation, scoring_bar))

    with bars:
        report = bars.enter_context(comparison_bar(len(policies), "4/5 compare"))
        found, run_id = run_compare(config, report, policies, finish)
    console.print(f"4/5 compared {len(policies)} policies on the same {patients} unseen patients")
    return found, written[0], run_id


def _fields(scenario: Scenario) -> dict[str, Any]:
    """The scenario for a configuration of its own split."""
    return {name: getattr(scenario, name) for name in Scenario.model_fields if name != "split"}


def _tell_where(console: Console, trained: TrainResult, report: Path, seconds: float) -> None:
    console.print(f"5/5 done in {seconds / 60:.1f} min")
    console.print(f"  report    {report.resolve()}", soft_wrap=True)
    console.print(f"  policy    {(trained.folder / 'policy').resolve()}", soft_wrap=True)
    console.print(f"  tracking  {look_at(store_uri())}", soft_wrap=True, highlight=False, markup=False)
    console.print("  one training seed: this is one policy, not a verdict on the method")
