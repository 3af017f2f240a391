"""Where the time of a Stable-baselines3 training goes: environment, policy, update, logging and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from thecal.agents.backends.base import Throughput

Clock = Callable[[], float]


class TimedVecEnv(VecEnvWrapper):
    """Passes everything through and adds up the time spent stepping.

    Attributes:
        clock: gives seconds.
        seconds: spent so far.
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self.clock: Clock = time.perf_counter
        self.seconds = 0.0

    def reset(self) -> Any:
        """Reset the wrapped environment."""
        return self.venv.reset()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Start a step; most environments do their work here or in :meth:`step_wait`, so both are timed."""
        start = self.clock()
        self.venv.step_async(actions)
        self.seconds += self.clock() - start

    def step_wait(self) -> Any:
        """Finish the step."""
        start = self.clock()
        result = self.venv.step_wait()
        self.seconds += self.clock() - start
        return result


class TimedLogger(Logger):
    """Adds up the time that goes into handing out the metrics."""

    def __init__(self, folder: str | None, output_formats: list[Any]) -> None:
        super().__init__(folder, output_formats)
        self.clock: Clock = time.perf_counter
        self.seconds = 0.0

    def dump(self, step: int = 0) -> None:
        """Hand out what was recorded."""
        start = self.clock()
        super().dump(step)
        self.seconds += self.clock() - start


class Meter(BaseCallback):
    """Measures a run and logs ``throughput/*`` at each rollout; it comes before every other callback.

    Args:
        env: at work.
        clock: gives seconds.
    """

    def __init__(self, env: TimedVecEnv, clock: Clock) -> None:
        super().__init__()
        self.env, self.clock = env, clock
        env.clock, env.seconds = clock, 0.0
        self.update_s = 0.0
        self.spent = {"log": 0.0, "store": 0.0}  # by the callbacks
        self._begin = clock()
        self._first_frame = 0
        self._rollout_end: float | None = None
        self._logged_before = 0.0

    def _on_training_start(self) -> None:
        self._begin = self.clock()
        self._first_frame = self.model.num_timesteps
        if isinstance(self.logger, TimedLogger):
            self.logger.clock, self.logger.seconds = self.clock, 0.0

    def _on_rollout_start(self) -> None:
        self._close_update()
        speed = self.result()
        if speed.frames:
            self.logger.record("throughput/frames_per_s", speed.frames_per_s)
            for name in ("env", "policy", "update", "log"):
                self.logger.record(f"throughput/{name}_share", speed.share(name))

    def _on_rollout_end(self) -> None:
        self._rollout_end, self._logged_before = self.clock(), self._logged

    def _on_training_end(self) -> None:
        self._close_update()

    def _on_step(self) -> bool:
        return True

    @property
    def _logged(self) -> float:
        logger = vars(self.model).get("_logger")
        return self.spent["log"] + (logger.seconds if isinstance(logger, TimedLogger) else 0.0)

    def _close_update(self) -> None:
        if self._rollout_end is not None:
            logged = self._logged - self._logged_before  # between rollout and update metrics are handed out
            self.update_s += self.clock() - self._rollout_end - logged
            self._rollout_end = None

    def result(self) -> Throughput:
        """The run so far."""
        frames = self.model.num_timesteps - self._first_frame
        seconds = self.clock() - self._begin
        return Throughput(frames, seconds, self.env.seconds, self.update_s, self._logged, self.spent["store"])


class TimedCallbacks(CallbackList):
    """Callbacks whose time is counted as that of ``kind``."""

    def __init__(self, meter: Meter, callbacks: Sequence[BaseCallback], kind: Literal["log", "store"] = "log") -> None:
        super().__init__(list(callbacks))
        self.meter, self.kind = meter, kind

    def on_step(self) -> bool:
        """Every step."""
        return bool(self._timed(super().on_step))

    def on_rollout_start(self) -> None:
        """Before a rollout."""
        self._timed(super().on_rollout_start)

    def on_rollout_end(self) -> None:
        """After a rollout, before its update."""
        self._timed(super().on_rollout_end)

    def _timed(self, call: Callable[[], Any]) -> Any:
        start = self.meter.clock()
        result = call()
        self.meter.spent[self.kind] += self.meter.clock() - start
        return result
