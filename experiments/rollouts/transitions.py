"""Transitions on disk, for offline learning: what was seen, done, earned and paid in every step, in chunked Parquet.

A row is one patient and step. The last row of an episode (``step`` equal to the number of steps) holds only the observation in
which it ended. ``mask`` is false in that row and once the patient has died: such rows are padding, which keeps every block
rectangular. ``log_prob`` is the log density of the action under the policy that chose it; null for one that draws nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import HasDensity, Policy
from thecal.agents.info import PolicyInfo
from thecal.core.errors import StoreError
from thecal.core.files import Draft
from thecal.envs.kernel.rewards import COST_NAMES
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.parquet import close_draft, noted, pyarrow, read_failure, write_failure

FORMAT = "transitions-1"
_ROWS_AT_ONCE = 65_536  # rows kept in memory before they are written


@dataclass(frozen=True)
class Episodes:
    """The transitions of one block of patients, ``[T, B, ...]``; observations have one step more.

    Attributes:
        patients: ``[B]``.
        observations: ``[T + 1, B, n_obs]``.
        actions: ``[T, B, n_actions]``.
        rewards, cost, log_prob: ``[T, B]``; costs by channel in ``costs``.
        terminated, truncated: ``[T, B]``.
        mask: ``[T, B]``, false for padding.
    """

    patients: NDArray[np.int64]
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float64]
    cost: NDArray[np.float64]
    costs: dict[str, NDArray[np.float32]]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    log_prob: NDArray[np.float64]


@dataclass(frozen=True)
class TransitionFile:
    """What a file of transitions says of itself."""

    info: PolicyInfo
    scenario: Scenario
    scenario_hash: str
    observation_names: tuple[str, ...]
    observation_low: tuple[float, ...]
    observation_high: tuple[float, ...]
    action_names: tuple[str, ...]
    steps: int


class TransitionWriter:
    """Writes transitions as a rollout makes them, in memory that does not grow with patients or steps.

    Args:
        path: the Parquet file; it appears when the writer is closed.
        scene: what the patients meet.
        info: of the policy.

    Raises:
        StoreError: the file cannot be written.
        MissingExtraError: PyArrow is not installed.
    """

    def __init__(self, path: str | Path, scene: Resolved, info: PolicyInfo) -> None:
        self._pa, pq = pyarrow()
        self.path = Path(path)
        lens, pa = scene.lens, self._pa
        self._widths = (len(lens), scene.task.n_actions)
        described = {
            "format": FORMAT,
            "note": noted(not scene.mode.shielded, scene.wide),
            "info": info.model_dump_json(),
            "scenario": scene.scenario.model_dump_json(),
            "scenario_hash": scene.hash,
            "observation_names": json.dumps(lens.names),
            "observation_low": json.dumps(lens.low.tolist()),
            "observation_high": json.dumps(lens.high.tolist()),
            "action_names": json.dumps(scene.task.action.fields),
            "steps": str(scene.task.n_steps),
        }
        fields = [
            ("patient", pa.int64()), ("step", pa.int32()), ("observation", pa.list_(pa.float32(), self._widths[0])),
            ("action", pa.list_(pa.float32(), self._widths[1])), ("reward", pa.float64()), ("cost", pa.float64()),
            *((f"cost_{name}", pa.float32()) for name in COST_NAMES), ("terminated", pa.bool_()), ("truncated", pa.bool_()),
            ("mask", pa.bool_()), ("log_prob", pa.float64()),
        ]  # fmt: skip
        self._schema = pa.schema(fields, metadata={f"thecal.{key}": value for key, value in described.items()})
        self._kept: list[dict[str, Any]] = []
        self._rows = 0
        self._draft = Draft(self.path)
        with write_failure(self.path):
            self._writer = pq.ParquetWriter(str(self._draft.path), self._schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:  # a file without its end would read as a whole one of fewer patients
            close_draft(self._draft, self._writer, keep=False)

    def step(
        self,
        policy: Policy,
        patients: NDArray[np.int64],
        k: int,
        observation: NDArray[np.float32],
        actions: NDArray[np.float32],
        out: NDArray[np.void],
        alive: NDArray[np.bool_],
        *,
        last: bool,
    ) -> None:
        """Take one step of a block: what was seen and done, TICK_OUT of the step, and who was alive at its beginning."""
        density = policy.log_prob(observation, actions) if isinstance(policy, HasDensity) else None
        ended = out["terminated"] == 1
        self._keep(
            patient=patients,
            step=np.full(len(patients), k, np.int32),
            observation=observation,
            action=actions,
            reward=np.where(alive, out["reward"], 0.0),
            cost=np.where(alive, out["cost"], 0.0),
            **{f"cost_{name}": np.where(alive, out[f"cost_{name}"], 0.0).astype(np.float32) for name in COST_NAMES},
            terminated=ended,
            truncated=np.full(len(patients), last) & ~ended,
            mask=alive.copy(),
            log_prob=density,
        )

    def end(self, patients: NDArray[np.int64], steps: int, observation: NDArray[np.float32]) -> None:
        """Close a block with the observation in which its episodes ended."""
        n = len(patients)
        nothing = np.zeros(n)
        self._keep(
            patient=patients,
            step=np.full(n, steps, np.int32),
            observation=observation,
            action=np.zeros((n, self._widths[1]), np.float32),
            reward=nothing,
            cost=nothing,
            **{f"cost_{name}": nothing.astype(np.float32) for name in COST_NAMES},
            terminated=np.zeros(n, np.bool_),
            truncated=np.zeros(n, np.bool_),
            mask=np.zeros(n, np.bool_),
            log_prob=None,
        )
        self._flush()

    def close(self) -> None:
        """Write what is kept, and the file's end.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self._flush()
        except BaseException:
            close_draft(self._draft, self._writer, keep=False)
            raise
        close_draft(self._draft, self._writer, keep=True)

    def _keep(self, **columns: Any) -> None:
        self._kept.append({name: None if values is None else np.array(values) for name, values in columns.items()})
        self._rows += len(columns["patient"])
        if self._rows >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        pa, rows = self._pa, self._rows
        arrays = []
        for field in self._schema:
            parts = [part[field.name] for part in self._kept]
            if field.name == "log_prob":
                values: list[Any] = [
                    pa.nulls(len(part["patient"]), pa.float64()) if own is None else pa.array(own, pa.float64())
                    for own, part in zip(parts, self._kept, strict=True)
                ]
                arrays.append(pa.concat_arrays(values))
            elif field.name in ("observation", "action"):
                flat = pa.array(np.concatenate(parts).astype(np.float32).ravel())
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, field.type.list_size))
            else:
                arrays.append(pa.array(np.concatenate(parts), field.type))
        with write_failure(self.path):
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=rows)
        self._kept, self._rows = [], 0


def describe_transitions(path: str | Path) -> TransitionFile:
    """What a file of transitions says of itself.

    Raises:
        StoreError: there is no such file, or it holds something else.
        MissingExtraError: PyArrow is not installed.
    """
    _, pq = pyarrow()
    with read_failure(path, "transitions"):
        known = _metadata(pq.read_schema(str(path)).metadata, path)
        return TransitionFile(
            info=PolicyInfo.model_validate_json(known["info"]),
            scenario=Scenario.model_validate_json(known["scenario"]),
            scenario_hash=known["scenario_hash"],
            observation_names=tuple(json.loads(known["observation_names"])),
            observation_low=tuple(json.loads(known["observation_low"])),
            observation_high=tuple(json.loads(known["observation_high"])),
            action_names=tuple(json.loads(known["action_names"])),
            steps=int(known["steps"]),
        )


def read_transitions(path: str | Path) -> Iterator[Episodes]:
    """The blocks of a file, one after the other, so that any number of patients can be read in bounded memory.

    Raises:
        StoreError: there is no such file, or it holds something else.
        MissingExtraError: PyArrow is not installed.
    """
    steps = describe_transitions(path).steps
    pa, pq = pyarrow()
    with read_failure(path, "transitions"):
        file = pq.ParquetFile(str(path))
        kept: list[Any] = []
        for k in range(file.num_row_groups):
            group = file.read_row_group(k)
            kept.append(group)
            # A block's last row group ends with the observations in which its episodes ended.
            if group["step"][-1].as_py() == steps:
                yield _episodes(pa.concat_tables(kept))
                kept = []


def _episodes(table: Any) -> Episodes:
    steps = int(table["step"][-1].as_py())

    def column(name: str) -> NDArray[Any]:
        return np.asarray(table[name].to_numpy()).reshape(steps + 1, -1)

    def vectors(name: str) -> NDArray[np.float32]:
        flat = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, np.float32).reshape(steps + 1, len(patients), -1)

    patients = column("patient")[0]
    return Episodes(
        patients=patients,
        observations=vectors("observation"),
        actions=vectors("action")[:-1],
        rewards=column("reward")[:-1],
        cost=column("cost")[:-1],
        costs={name: column(f"cost_{name}")[:-1] for name in COST_NAMES},
        terminated=column("terminated")[:-1],
        truncated=column("truncated")[:-1],
        mask=column("mask")[:-1],
        log_prob=column("log_prob")[:-1],
    )


def _metadata(raw: dict[bytes, bytes] | None, path: str | Path) -> dict[str, str]:
    known = {key.decode().removeprefix("thecal."): value.decode() for key, value in (raw or {}).items()}
    if known.get("format") != FORMAT:
        raise StoreError(f"{path}: not a file of transitions of this version")
    return known
