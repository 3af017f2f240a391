"""Runs a policy over named patients and keeps what happened: the same patients and the same days for every policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy, PolicyContext
from thecal.agents.view import ActionScale, ObservationView
from thecal.core.errors import ConfigError
from thecal.core.layout import NL_PER_ML, TICKS_PER_DAY
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.tasks import TaskSpec
from thecal.envs.trails import trail_meta
from thecal.safety.invariants import ShieldMode
from thecal.safety.trail import TrailWriter

Record = Literal["full", "summary"]
CHUNK = 512
NRS_MAX = 10.0
FIELDS = tuple(TICK_OUT.names or ())
# What outcomes, events and the shield's account are computed from; a third of the memory of everything.
SUMMARY_FIELDS = (
    "time_h", "pain_mean", "pain0", "pain_latent", "controlled_h", "alive_h", "awake_h", "bt_h", "resp_h", "resp_events",
    "sed_h", "sed_events", "unrousable_h", "withdrawal_h", "nausea", "dose_ug", "demands_given", "demands_denied",
    "binding", "violations", "intervened", "reward", "r_shield", "terminated",
)  # fmt: skip
# After death nothing more happens and nothing more is counted, but pain stays at its worst.
_AFTER_DEATH = {"pain_mean": NRS_MAX, "pain_end": NRS_MAX, "nrs_report": np.nan, "terminated": 1}
# Decided by patient, seed and time alone, so equal under every policy while both patients live.
_EXOGENOUS = ("pain_latent", "bt_h", "awake_h")


@dataclass(frozen=True)
class Trajectories:
    """What one policy did: ``data[field]`` is ``[T, B]`` (``[T, B, drugs]`` for doses), one row for each step.

    From the step after a death on, the patient's rows hold zeros (pain 10, no report, ``terminated`` 1): no dose, demand,
    cost or reward is counted for the dead. The charge for the rest of the horizon lies in the step of the death.
    """

    policy: str
    task: TaskSpec
    split: str
    difficulty: str
    shield_mode: str
    seed: int
    patients: NDArray[np.int64]
    data: dict[str, NDArray[Any]]
    start: dict[str, NDArray[np.float64]]
    profile: str = ""
    cohort_seed: int = 0

    def __getitem__(self, field: str) -> NDArray[Any]:
        return self.data[field]

    @property
    def step_h(self) -> float:
        """Length of a step, h."""
        return self.task.tick_h

    @property
    def unshielded(self) -> bool:
        """Whether the shield's limits did not bind."""
        return not ShieldMode.of(self.shield_mode).shielded

    def to_parquet(self, path: str | Path) -> Path:
        """Write a long table; see :func:`thecal.experiments.rollouts.parquet.save_trajectories`."""
        from thecal.experiments.rollouts.parquet import save_trajectories

        return save_trajectories(self, path)

    @staticmethod
    def from_parquet(path: str | Path) -> Trajectories:
        """Read a table back; see :func:`thecal.experiments.rollouts.parquet.load_trajectories`."""
        from thecal.experiments.rollouts.parquet import load_trajectories

        return load_trajectories(path)


def require_paired(run: Trajectories, reference: Trajectories) -> None:
    """See that two runs met the same patients on the same days under the same conditions.

    Raises:
        ConfigError: they did not; the text says what differs.
    """
    for name in ("seed", "cohort_seed", "split", "difficulty", "shield_mode", "profile"):
        own, other = getattr(run, name), getattr(reference, name)
        if own != other:
            raise ConfigError(f"{run.policy!r} ran with {name} {own!r}, {reference.policy!r} with {other!r}")
    if run.task.hash != reference.task.hash:
        raise ConfigError(f"{run.policy!r} ran on another task than {reference.policy!r}")
    if not np.array_equal(run.patients, reference.patients):
        raise ConfigError(f"{run.policy!r} ran on other patients than {reference.policy!r}")
    both = (run["alive_h"] >= run.step_h) & (reference["alive_h"] >= run.step_h)
    for name in _EXOGENOUS:
        if not np.array_equal(run[name][both], reference[name][both]):
            raise ConfigError(f"{run.policy!r} met other days than {reference.policy!r}: {name} differs")


def observation_view(env: ThecalVectorEnv) -> ObservationView:
    """How policies read the observations of ``env``."""
    spec = env.spec_task
    profile = env.batch.profile
    scale = ActionScale(
        max_up=spec.action.max_up,
        max_down=spec.action.max_down,
        deadband=spec.action.deadband,
        largest_bolus_mg=profile.largest_bolus_ug(spec.drugs[0]) / 1000.0,
        largest_bolus_share=profile.limit("bolus.share"),
    )
    return ObservationView(
        env.observation_names,
        env.observation_low,
        env.observation_high,
        actions=scale,
        tick_h=spec.tick_h,
        monitored=spec.setting == "cancer",
        decode=env.decode,
    )


def rollout(
    policy: Policy,
    task: str | TaskSpec,
    patients: Sequence[int] | NDArray[np.int64],
    seed: int,
    *,
    split: str = "test",
    difficulty: str = "real",
    shield_mode: str = "project",
    profile: str | None = None,
    cohort_seed: int = 0,
    allow_unproved: bool = False,
    trail: Path | None = None,
    record: Record = "full",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trajectories:
    """Run ``policy`` over whole episodes of ``patients``.

    Args:
        policy: a policy; it is reset here.
        task: name, id, path or spec.
        patients: indices in the split, ``[B]``.
        seed: of the days; the same seed gives every policy the same disturbances, sensor noise and dropouts.
        split, difficulty, shield_mode, profile, cohort_seed, allow_unproved: see :class:`thecal.envs.batch.Batch`.
        trail: write the audit trail here, one file for each chunk of patients (the second ends in ``-1``, and so on).
        record: ``"full"`` keeps every field of TICK_OUT, ``"summary"`` those that outcomes need.
        progress: called with (steps done, steps in all).

    Raises:
        ConfigError: no patients, a patient twice, or an argument the environment refuses.
    """
    wanted = np.asarray(patients, np.int64)
    if wanted.ndim != 1 or wanted.size == 0:
        raise ConfigError("a rollout needs at least one patient")
    if len(np.unique(wanted)) != len(wanted):
        raise ConfigError("a rollout was given the same patient twice")
    if record not in ("full", "summary"):
        raise ConfigError(f"record {record!r} is not one of full, summary")
    fields = FIELDS if record == "full" else SUMMARY_FIELDS
    parts = []
    done = 0
    for begin in range(0, len(wanted), CHUNK):
        chunk = wanted[begin : begin + CHUNK]
        env = ThecalVectorEnv(
            task,
            len(chunk),
            split=split,
            difficulty=difficulty,
            shield_mode=shield_mode,
            profile=profile,
            cohort_seed=cohort_seed,
            allow_unproved=allow_unproved,
            trail=trail is not None,
            truth=True,
            autoreset=False,
        )
        total = env.spec_task.n_steps * -(-len(wanted) // CHUNK)
        keep = None if trail is None else _numbered(trail, begin // CHUNK)
        parts.append(_run(policy, env, chunk, seed, fields, partial(_report, progress, done, total), keep))
        done += env.spec_task.n_steps
    return Trajectories(
        policy=policy.info.name,
        task=env.spec_task,
        split=split,
        difficulty=difficulty,
        shield_mode=env.batch.shield_mode.name.lower(),
        seed=seed,
        patients=wanted,
        data={name: np.concatenate([part[0][name] for part in parts], axis=1) for name in parts[0][0]},
        start={name: np.concatenate([part[1][name] for part in parts]) for name in parts[0][1]},
        profile=env.batch.profile.name,
        cohort_seed=cohort_seed,
    )


def _numbered(path: Path, chunk: int) -> Path:
    return path if chunk == 0 else path.with_stem(f"{path.stem}-{chunk}")


def _report(progress: Callable[[int, int], None], before: int, total: int, steps: int) -> None:
    progress(before + steps, total)


def _run(
    policy: Policy,
    env: ThecalVectorEnv,
    patients: NDArray[np.int64],
    seed: int,
    fields: Sequence[str],
    progress: Callable[[int], None],
    trail: Path | None,
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.float64]]]:
    steps, n = env.spec_task.n_steps, env.num_envs
    data = {name: _column(name, steps, n) for name in fields}
    observation, _ = env.reset(seed=seed, options={"patients": patients})
    policy.reset(PolicyContext(observation_view(env), n, patients, seed))
    kept = None if trail is None else TrailWriter(trail, trail_meta(env.batch, policy=policy.info.name, seed=seed))
    dead = np.zeros(n, np.bool_)
    for k in range(steps):
        actions = np.where(dead[:, None], np.float32(0.0), policy.act(observation))
        observation, _, terminated, _, info = env.step(actions)
        for name, column in data.items():
            column[k] = info["out"][name]
            if name != "time_h" and dead.any():
                column[k, dead] = _AFTER_DEATH.get(name, 0)
        dead |= terminated
        if kept is not None:
            kept.rows(env.batch.trail)
        progress(k + 1)
    if kept is not None:
        kept.close()
    par = env.batch.par
    start = {
        "rate_ml_per_d": par["task"]["start_rate_nl"] * (TICKS_PER_DAY / NL_PER_ML),
        "conc_ug_per_ml": par["shield"]["conc"][:, 0].astype(np.float64),
        "cap_ug": par["task"]["cap_ug"].copy(),
        "pain_base": par["patient"]["pain_base"].copy(),
    }
    return data, start


def _column(name: str, steps: int, n: int) -> NDArray[Any]:
    kind = TICK_OUT[name]
    return np.zeros((steps, n, *kind.shape), np.int64 if kind.base.kind == "i" else np.float32)
