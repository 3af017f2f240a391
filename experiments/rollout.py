"""Runs a policy over named patients and keeps what happened: the same patients and the same days for every policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import ActionScale, ObservationView, Policy
from thecal.envs.records import TICK_OUT
from thecal.envs.tasks import TaskSpec
from thecal.envs.vector import ThecalVectorEnv
from thecal.physiology.errors import ConfigError, StoreError

CHUNK = 512
FIELDS = tuple(TICK_OUT.names or ())


@dataclass(frozen=True)
class Trajectories:
    """What one policy did: ``data[field]`` is ``[T, B]`` (``[T, B, drugs]`` for doses), one row for each step.

    After a death the rows of the patient repeat a dead patient's account (``alive_h`` 0).
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

    def __getitem__(self, field: str) -> NDArray[Any]:
        return self.data[field]

    @property
    def step_h(self) -> float:
        """Length of a step, h."""
        return self.task.tick_h

    def to_parquet(self, path: str | Path) -> Path:
        """Write a long table: one row for each patient and step, dose of each drug in its own column.

        Raises:
            StoreError: the file cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        steps, n = self.data["time_h"].shape
        columns: dict[str, Any] = {
            "patient": np.tile(self.patients, steps),
            "step": np.repeat(np.arange(steps, dtype=np.int32), n),
        }
        for name, values in self.data.items():
            if values.ndim == 2:
                columns[name] = values.ravel()
            else:
                for d, drug in enumerate(self.task.drugs):
                    columns[f"{name}_{drug}"] = np.ascontiguousarray(values[:, :, d]).ravel()
        table = pa.table(columns).replace_schema_metadata(
            {"policy": self.policy, "task": self.task.id, "seed": str(self.seed), "note": "simulated data"}
        )
        try:
            pq.write_table(table, str(path), compression="zstd")
        except OSError as error:
            raise StoreError(f"trajectories cannot be written to {path} ({error})") from error
        return Path(path)


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
        patients=env.batch.patients,
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
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trajectories:
    """Run ``policy`` over whole episodes of ``patients``.

    Args:
        policy: a policy; it is reset here.
        task: name, id, path or spec.
        patients: indices in the split, ``[B]``.
        seed: of the days; the same seed gives every policy the same disturbances, sensor noise and dropouts.
        split, difficulty, shield_mode, profile, cohort_seed: see :class:`thecal.envs.core.Batch`.
        progress: called with (steps done, steps in all).

    Raises:
        ConfigError: no patients, or an argument the environment refuses.
    """
    wanted = np.asarray(patients, np.int64)
    if wanted.ndim != 1 or wanted.size == 0:
        raise ConfigError("a rollout needs at least one patient")
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
            truth=True,
            autoreset=False,
        )
        total = env.spec_task.n_steps * -(-len(wanted) // CHUNK)
        parts.append(_run(policy, env, chunk, seed, lambda k, base=done, all_=total: progress(base + k, all_)))
        done += env.spec_task.n_steps
    data = {name: np.concatenate([part[0][name] for part in parts], axis=1) for name in parts[0][0]}
    start = {name: np.concatenate([part[1][name] for part in parts]) for name in parts[0][1]}
    return Trajectories(
        policy.name, env.spec_task, split, difficulty, env.batch.shield_mode.name.lower(), seed, wanted, data, start
    )


def _run(
    policy: Policy, env: ThecalVectorEnv, patients: NDArray[np.int64], seed: int, progress: Callable[[int], None]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.float64]]]:
    steps = env.spec_task.n_steps
    observation, _ = env.reset(seed=seed, options={"patients": patients})
    policy.reset(observation_view(env), env.num_envs)
    log = np.zeros((steps, env.num_envs), TICK_OUT)
    for k in range(steps):
        observation, _, _, _, info = env.step(policy.act(observation))
        log[k] = info["out"]
        progress(k + 1)
    data = {name: _compact(log[name]) for name in FIELDS}
    par = env.batch.par
    start = {
        "rate_ml_per_d": par["task"]["start_rate_nl"] * 96.0e-6,
        "conc_ug_per_ml": par["shield"]["conc"][:, 0].astype(np.float64),
        "cap_ug": par["task"]["cap_ug"].copy(),
        "pain_base": par["patient"]["pain_base"].copy(),
    }
    return data, start


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values if values.dtype.kind == "i" else values.astype(np.float32))
