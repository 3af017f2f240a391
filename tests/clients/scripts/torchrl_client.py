"""TorchRL: its environment with info as tensors, its own checks, a collector, and a few steps of SAC's loss."""

from __future__ import annotations

import torch
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.data import Composite, Unbounded
from torchrl.envs import GymEnv
from torchrl.envs.libs.gym import default_info_dict_reader
from torchrl.envs.utils import check_env_specs
from torchrl.objectives import DDPGLoss

import thecal  # noqa: F401 - registers the ids

from watch import DAYS, DISCRETE, PLAIN, finite, tell

env = GymEnv(PLAIN, horizon_d=DAYS, device="cpu")
# Not all of info: its "reward" and "terminated" are names that TorchRL has for itself.
kinds = {"cost": torch.float64, "delivered_rate": torch.float64, "patient": torch.int64}
specs = Composite({name: Unbounded(shape=(), dtype=kind) for name, kind in kinds.items()})
env.set_info_dict_reader(default_info_dict_reader(list(kinds), spec=specs))
check_env_specs(env)
roll = env.rollout(24 * DAYS)
assert roll["next", "reward"].shape[0] <= 24 * DAYS
assert roll["next", "cost"].shape[0] == roll.shape[0]
assert len(set(roll["next", "patient"].flatten().tolist())) == 1
assert torch.isfinite(roll["next", "reward"]).all()
discrete = GymEnv(DISCRETE, horizon_d=DAYS, categorical_action_encoding=True)
check_env_specs(discrete)
n, m = env.observation_spec["observation"].shape[-1], env.action_spec.shape[-1]
actor = TensorDictModule(
    nn.Sequential(nn.Linear(n, 32), nn.Tanh(), nn.Linear(32, m), nn.Tanh()), ["observation"], ["action"]
)


class Value(nn.Module):
    """The value of an action."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n + m, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, observation, action):
        """The value."""
        return self.net(torch.cat([observation, action], -1))


value = TensorDictModule(Value(), ["observation", "action"], ["state_action_value"])
loss = DDPGLoss(actor, value)
optimizer = torch.optim.Adam(loss.parameters(), 1e-3)
collector = Collector(env, actor, frames_per_batch=64, total_frames=256)
frames = 0
for data in collector:
    frames += data.numel()
    found = loss(data)
    total = found["loss_actor"] + found["loss_value"]
    assert torch.isfinite(total)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
collector.shutdown()
assert frames == 256
assert finite(loss.parameters())
tell("torchrl", "check_env_specs", "rollout with info", "Collector", "DDPG loss", "the discrete id")
