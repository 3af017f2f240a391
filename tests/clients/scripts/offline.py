"""d3rlpy: SAC online, then conservative Q-learning from what was collected, and a discrete one."""

from __future__ import annotations

import d3rlpy

from watch import DISCRETE, finite, tell, watched

QUIET = {"show_progress": False, "logger_adapter": d3rlpy.logging.NoopAdapterFactory()}
env = watched()
buffer = d3rlpy.dataset.create_fifo_replay_buffer(limit=1000, env=env)
sac = d3rlpy.algos.SACConfig(batch_size=32).create(device=False)
sac.fit_online(env, buffer, n_steps=200, n_steps_per_epoch=100, update_start_step=100, **QUIET)
assert env.steps >= 200
assert finite(sac.impl.policy.parameters())
assert buffer.transition_count >= sum(env.lengths)
whole = [episode for episode in buffer.episodes if len(episode) in env.lengths]
assert abs(float(whole[0].rewards.sum()) - env.returns[0]) < 1e-3
cql = d3rlpy.algos.CQLConfig(batch_size=32).create(device=False)
history = cql.fit(buffer, n_steps=40, n_steps_per_epoch=20, **QUIET)
assert all(value == value for _, losses in history for value in losses.values())
discrete = watched(DISCRETE)
dqn = d3rlpy.algos.DQNConfig(batch_size=32).create(device=False)
dqn.fit_online(
    discrete, d3rlpy.dataset.create_fifo_replay_buffer(limit=500, env=discrete), n_steps=100, n_steps_per_epoch=100,
    update_start_step=50, **QUIET,
)  # fmt: skip
assert discrete.steps >= 100
tell("d3rlpy", "SAC online", "CQL offline", "DQN online on the discrete id")
