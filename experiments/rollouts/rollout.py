"""Runs a policy over named patients and keeps what happened: the same patients and the same days for every policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.core.errors import ConfigError, ThecalError
from thecal.core.layout import NL_PER_ML, TICKS_PER_DAY
from thecal.core.seeds import PATIENT_LIMIT, require_memory, wholes
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.outcomes import fields_read, outcomes
from thecal.envs.scenario import Resolved, Scenario, resolved
from thecal.envs.trails import trail_meta
from thecal.experiments.rollouts.trajectories import Trajectories, joined
from thecal.experiments.rollouts.transitions import TransitionWriter
from thecal.experiments.rollouts.view import context_for
from thecal.physiology.pain import NRS_MAX
from thecal.safety.trail import TrailWriter

Record = Literal["full", "summary"]
Progress = Callable[[int, int], None]
CHUNK = 512  # patients that run side by side; what is kept of a run grows with it, never with all patients
FIELDS = tuple(TICK_OUT.names or ())
# What pairing, events and the shield's account read beside the outcomes.
_ALWAYS = (
    "time_h", "pain_latent", "bt_h", "awake_h", "alive_h", "resp_events", "sed_events", "terminated", "binding", "violations",
    "intervened", "shield_mode",
)  # fmt: skip
_STANDS = ("time_h", "shield_mode")  # also of the dead
# After death nothing more happens and nothing more is counted, but pain stays at its worst.
_AFTER_DEATH = {"pain_mean": NRS_MAX, "pain_end": NRS_MAX, "nrs_report": np.nan, "terminated": 1}


def summary_fields(scene: Resolved, keys: Iterable[str] = (), fields: Iterable[str] = ()) -> tuple[str, ...]:
    """The fields behind the task's outcomes, others by their ``keys``, events and the shield's account, and ``fields``."""
    needed = {*_ALWAYS, *fields_read((*scene.task.outcomes, *keys)), *fields}
    return tuple(name for name in FIELDS if name in needed)


def rollout(
    policy: Policy,
    scenario: Any,
    patients: Sequence[int] | NDArray[np.int64],
    seed: int | None = None,
    *,
    trail: Path | None = None,
    transitions: TransitionWriter | None = None,
    record: Record = "full",
    progress: Progress = lambda _done, _total: None,
    **options: Any,
) -> Trajectories:
    """Run ``policy`` over whole episodes of ``patients``.

    Args:
        policy: a policy; it is reset here.
        scenario: a :class:`thecal.envs.scenario.Scenario` (also resolved), or a task, then on the test split.
        patients: indices in the split, ``[B]``.
        seed: of the days, in place of the scenario's; the same seed gives every policy the same disturbances, sensor noise and
            dropouts.
        trail: write the audit trail here, one file for each block of patients (the second ends in ``-1``, and so on).
        transitions: write every transition there as it happens.
        record: ``"full"`` keeps every field of TICK_OUT, ``"summary"`` those that outcomes need.
        progress: called with (steps done, steps in all).
        **options: fields of the scenario that differ.

    Raises:
        ConfigError: no patients, a patient twice, or an argument the environment refuses.
    """
    scene = _scene(scenario, seed, options)
    fields = FIELDS if record == "full" else summary_fields(scene)
    width = sum(_column(name, 1, 1).nbytes for name in fields)
    needed = 2.0 * len(patients) * scene.task.n_steps * width
    require_memory(f"{len(patients)} patients over {scene.task.n_steps} steps", needed)
    parts = blocks(policy, scene, patients, trail=trail, transitions=transitions, record=record, progress=progress)
    return joined(parts)


def blocks(
    policy: Policy,
    scene: Resolved,
    patients: Sequence[int] | NDArray[np.int64],
    *,
    size: int = CHUNK,
    trail: Path | None = None,
    transitions: TransitionWriter | None = None,
    record: Record = "full",
    keys: Iterable[str] = (),
    more: Iterable[str] = (),
    progress: Progress = lambda _done, _total: None,
) -> Iterator[Trajectories]:
    """As :func:`rollout`, one run for each block of at most ``size`` patients, so that any number streams in bounded memory.

    A summary keeps what the outcomes ``keys`` need, too, and the fields ``more``.

    Raises:
        ConfigError: as :func:`rollout`, before the first block.
        UnknownNameError: no such outcome, before it too.
    """
    wanted = wholes(patients, "patient indices", PATIENT_LIMIT).astype(np.int64)
    if wanted.size == 0:
        raise ConfigError("a rollout needs at least one patient")
    if len(np.unique(wanted)) != len(wanted):
        raise ConfigError("a rollout was given the same patient twice")
    if record not in ("full", "summary"):
        raise ConfigError(f"record {record!r} is not one of full, summary")
    needed = summary_fields(scene, keys, more)  # which also sees that every outcome is known
    fields = FIELDS if record == "full" else needed
    total = scene.task.n_steps * -(-len(wanted) // size)

    def run() -> Iterator[Trajectories]:
        for k, begin in enumerate(range(0, len(wanted), size)):
            chunk = wanted[begin : begin + size]
            report = partial(_progress, progress, k * scene.task.n_steps, total)
            keep = None if trail is None else _numbered(trail, k)
            yield _run(policy, scene, chunk, fields, report, keep, transitions)

    return run()


def measured(
    policy: Policy,
    scene: Resolved,
    patients: Sequence[int] | NDArray[np.int64],
    keys: Sequence[str],
    *,
    size: int = CHUNK,
    progress: Progress = lambda _done, _total: None,
) -> dict[str, NDArray[np.float64]]:
    """Outcomes by their ``keys``, ``[B]`` each, of a run of which nothing else is kept: a block of ``size`` patients at a time.

    Raises:
        ConfigError: as :func:`rollout`.
        UnknownNameError: no such outcome.
    """
    runs = blocks(policy, scene, patients, size=size, record="summary", keys=keys, progress=progress)
    parts = [outcomes(run, keys) for run in runs]
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}


def _scene(scenario: Any, seed: int | None, options: dict[str, Any]) -> Resolved:
    if not isinstance(scenario, (Scenario, Resolved)):
        options.setdefault("split", "test")
    if seed is not None:
        options["seed"] = seed
    return resolved(scenario, **options)


def _numbered(path: Path, chunk: int) -> Path:
    return path if chunk == 0 else path.with_stem(f"{path.stem}-{chunk}")


def _progress(progress: Progress, before: int, total: int, steps: int) -> None:
    progress(before + steps, total)


def _asked(policy: Policy, observation: NDArray[np.floating[Any]], step: int) -> NDArray[Any]:
    """What a policy asks for; whatever goes wrong in a policy from outside is told with its name."""
    try:
        return policy.act(observation)
    except ThecalError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"policy {policy.info.name!r} failed at step {step}: {reason}") from error


def _run(
    policy: Policy,
    scene: Resolved,
    patients: NDArray[np.int64],
    fields: Sequence[str],
    progress: Callable[[int], None],
    trail: Path | None,
    transitions: TransitionWriter | None,
) -> Trajectories:
    env = ThecalVectorEnv(scene, len(patients), trail=trail is not None, truth=True, autoreset=False)
    steps, n, seed = scene.task.n_steps, env.num_envs, scene.scenario.seed
    data = {name: _column(name, steps, n) for name in fields}
    observation, _ = env.reset(seed=seed, options={"patients": patients})
    policy.reset(context_for(policy, env, patients))
    kept = None if trail is None else TrailWriter(trail, trail_meta(env.batch, policy=policy.info.name, seed=seed))
    start = _start(env)
    dead = np.zeros(n, np.bool_)
    for k in range(steps):
        actions = np.where(dead[:, None], np.float32(0.0), _asked(policy, observation, k))
        before = observation
        observation, _, terminated, _, info = env.step(actions)
        out = info["out"]
        if transitions is not None:
            transitions.step(policy, patients, k, before, actions, out, ~dead, last=k == steps - 1)
        for name, column in data.items():
            column[k] = out[name]
            if name not in _STANDS and dead.any():
                column[k, dead] = _AFTER_DEATH.get(name, 0)
        dead |= terminated
        if kept is not None:
            kept.rows(env.batch.trail)
        progress(k + 1)
    _require_own(env.batch, data["shield_mode"])
    if transitions is not None:
        transitions.end(patients, steps, observation)
    if kept is not None:
        kept.close()
    return Trajectories(policy.info, scene.scenario, scene.hash, scene.task, scene.profile.name, patients, data, start)


def _require_own(batch: Batch, modes: NDArray[Any]) -> None:
    """See that the limits that ran at every step are those that the result will name.

    Raises:
        ConfigError: they are not.
    """
    batch.require_own()
    if (modes != int(batch.scene.mode)).any():
        raise ConfigError(f"the limits ran under another mode of the shield than {batch.scene.mode.name.lower()}")


# Of the start: the dose by the task's rule, µg/d, where the limits lowered it, else 0.
LOWERED = "lowered_from_ug_per_d"


def _start(env: ThecalVectorEnv) -> dict[str, NDArray[np.float64]]:
    par = env.batch.par
    return {
        "rate_ml_per_d": par["task"]["start_rate_nl"] * (TICKS_PER_DAY / NL_PER_ML),
        "conc_ug_per_ml": par["shield"]["conc"][:, 0].astype(np.float64),
        "cap_ug": par["task"]["cap_ug"].copy(),
        "pain_base": par["patient"]["pain_base"].copy(),
        LOWERED: np.array([env.batch.lowered_start(int(patient)) for patient in env.batch.patients]),
    }


def _column(name: str, steps: int, n: int) -> NDArray[Any]:
    kind = TICK_OUT[name]
    return np.zeros((steps, n, *kind.shape), np.int64 if kind.base.kind == "i" else np.float32)
