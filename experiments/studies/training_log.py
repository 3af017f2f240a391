"""What is written down while a policy learns: the learning curve, the progress, and the metrics of the tracked run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from thecal.experiments.tracking.sb3_writer import sb3_writer
from thecal.experiments.tracking.tracker import Tracker

Progress = Callable[[int, int, Mapping[str, float]], None]
_EVERY = 128
KEYS = ("frames", "return", "cost")


class LogState(BaseModel):
    """What a checkpoint keeps of a log: the curve so far, and the sums since its last entry."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    curve: dict[str, list[float]]
    sums: tuple[float, float]
    steps: int = Field(ge=0)


def training_log(tracker: Tracker, progress: Progress, total: int) -> Any:
    """An SB3 callback: the learning curve, the progress, and one batch of metrics for each of them and of SB3's own dumps.

    Its ``curve`` holds mean reward and cost of a decision, one entry for every 128 steps of the batch.
    """
    from stable_baselines3.common.callbacks import BaseCallback

    class TrainingLog(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.curve: dict[str, list[float]] = {key: [] for key in KEYS}
            self._writer = sb3_writer(tracker)
            self._sums = np.zeros(2)
            self._steps = 0

        @property
        def state(self) -> LogState:
            """All there is so far."""
            curve = {key: list(values) for key, values in self.curve.items()}
            reward, cost = self._sums.tolist()
            return LogState(curve=curve, sums=(reward, cost), steps=self._steps)

        def restore(self, state: LogState) -> None:
            """Go on from another log's state."""
            self.curve = {key: list(state.curve[key]) for key in KEYS}
            self._sums[:] = state.sums
            self._steps = state.steps

        def _on_training_start(self) -> None:
            self.logger.output_formats.append(self._writer)

        def _on_step(self) -> bool:
            # Not of the batch itself: environments that ended have begun anew there.
            costs = self.training_env.get_attr("step_costs", [0])[0]
            self._sums += (self.locals["rewards"].mean(dtype=np.float64), costs.mean())
            self._steps += 1
            if self._steps >= _EVERY:
                self._flush()
            return True

        def _on_training_end(self) -> None:
            if self._steps:
                self._flush()

        def _flush(self) -> None:
            reward, cost = (self._sums / self._steps).tolist()
            for key, value in zip(KEYS, (float(self.num_timesteps), reward, cost), strict=True):
                self.curve[key].append(value)
            numbers = {"reward_per_step": reward, "cost_per_step": cost}
            self._writer.write({f"curve/{key}": value for key, value in numbers.items()}, {}, self.num_timesteps)
            self._sums[:] = 0.0
            self._steps = 0
            progress(self.num_timesteps, total, numbers)

    return TrainingLog()
