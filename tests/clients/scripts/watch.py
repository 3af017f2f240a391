"""What the scripts share: an environment that keeps its own account, so that a client's can be held against it."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import gymnasium as gym
import numpy as np

PLAIN = "thecal/CancerMorphine-v0"
DISCRETE = "thecal/CancerMorphine-Discrete-v0"
DAYS = 2
STEPS = 24 * DAYS  # of one episode


class Watched(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """Counts steps and keeps returns, lengths and costs of episodes, from what Thecal itself gave."""

    def __init__(self, env: gym.Env) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self.steps = 0
        self.returns: list[float] = []
        self.lengths: list[int] = []
        self.costs: list[float] = []
        self._sum = self._cost = 0.0
        self._length = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """A new episode."""
        self._sum, self._cost, self._length = 0.0, 0.0, 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Any:
        """One step, written down."""
        result = self.env.step(action)
        observation, reward, terminated, truncated, info = result
        assert np.isfinite(observation).all()
        assert self.env.observation_space.contains(observation)
        self.steps += 1
        self._length += 1
        self._sum += float(reward)
        self._cost += float(info["cost"])
        if terminated or truncated:
            self.returns.append(self._sum)
            self.lengths.append(self._length)
            self.costs.append(self._cost)
        return result


def watched(env_id: str = PLAIN, **options: Any) -> Watched:
    """An environment of two days that keeps its account."""
    import thecal  # noqa: F401 - registers the ids

    return Watched(gym.make(env_id, horizon_d=DAYS, **options))


def finite(parameters: Any) -> bool:
    """Whether all tensors are finite numbers."""
    return all(bool(np.isfinite(np.asarray(one.detach().cpu().numpy())).all()) for one in parameters)


def tell(package: str, *ran: str, **found: Any) -> None:
    """The last line: which release ran what, and what was found."""
    print(json.dumps({"release": f"{package} {version(package)}", "gymnasium": gym.__version__, "ran": ran, **found}))
