"""Tianshou: DQN on the discrete id and SAC on the plain one, over its vector of environments."""

from __future__ import annotations

import numpy as np
import torch
from tianshou.algorithm import DQN, SAC
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.modelfree.sac import SACPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic

from watch import DISCRETE, PLAIN, finite, tell, watched


def train(env_id: str, algorithm) -> None:
    """A short training; its account of episodes is that of the environments."""
    own = [watched(env_id) for _ in range(2)]
    buffer = VectorReplayBuffer(2000, 2)
    collector = Collector(algorithm, DummyVectorEnv([lambda env=env: env for env in own]), buffer)
    collector.reset()
    first = collector.collect(n_episode=4, random=True)
    assert np.allclose(
        sorted(first.returns), sorted(value for env in own for value in env.returns)[: len(first.returns)], atol=1e-4
    )
    assert first.n_collected_steps == len(buffer) == sum(env.steps for env in own)
    assert np.asarray(buffer.info["cost"]).shape[0] >= len(buffer)
    params = OffPolicyTrainerParams(
        training_collector=collector, max_epochs=1, epoch_num_steps=200, collection_step_num_env_steps=50, batch_size=32,
        update_step_num_gradient_steps_per_sample=0.2, verbose=False, show_progress=False,
    )  # fmt: skip
    algorithm.run_training(params)
    assert sum(env.steps for env in own) >= first.n_collected_steps + 200
    assert finite(algorithm.parameters())


space = watched(DISCRETE)
shape, count = space.observation_space.shape, int(space.action_space.n)
train(
    DISCRETE,
    DQN(
        policy=DiscreteQLearningPolicy(
            model=Net(state_shape=shape, action_shape=count, hidden_sizes=[32]),
            action_space=space.action_space,
            eps_training=0.1,
        ),
        optim=AdamOptimizerFactory(lr=1e-3),
        target_update_freq=50,
    ),
)
plain = watched(PLAIN)
actor = ContinuousActorProbabilistic(
    preprocess_net=Net(state_shape=shape, hidden_sizes=[32]), action_shape=plain.action_space.shape, unbounded=True
)
critic = ContinuousCritic(
    preprocess_net=Net(state_shape=shape, action_shape=plain.action_space.shape, hidden_sizes=[32], concat=True)
)
train(
    PLAIN,
    SAC(
        policy=SACPolicy(actor=actor, action_space=plain.action_space),
        policy_optim=AdamOptimizerFactory(lr=1e-3),
        critic=critic,
        critic_optim=AdamOptimizerFactory(lr=1e-3),
    ),
)
torch.set_num_threads(1)
tell("tianshou", "DQN on the discrete id", "SAC")
