"""Minari: a data set collected with every info field, read back from disk."""

from __future__ import annotations

import os
import tempfile

import numpy as np

from watch import STEPS, tell, watched

with tempfile.TemporaryDirectory() as folder:
    os.environ["MINARI_DATASETS_PATH"] = folder
    import minari

    env = watched()
    collector = minari.DataCollector(env, record_infos=True)
    for episode in range(3):
        collector.reset(seed=episode)
        done = False
        while not done:
            *_, terminated, truncated, _ = collector.step(collector.action_space.sample())
            done = terminated or truncated
    collector.create_dataset(
        "thecal/test-v0",
        algorithm_name="random",
        author="tests",
        author_email="none",
        code_permalink="none",
        description="test",
    )
    data = minari.load_dataset("thecal/test-v0")
    assert data.total_episodes == 3
    assert data.total_steps == env.steps == sum(env.lengths)
    for episode, (length, total, cost) in enumerate(zip(env.lengths, env.returns, env.costs, strict=True)):
        read = data[episode]
        assert length <= STEPS
        assert read.observations.shape == (length + 1, env.observation_space.shape[0])
        assert np.isclose(read.rewards.sum(), total, atol=1e-4)
        assert np.isclose(np.ravel(read.infos["cost"]).sum(), cost, atol=1e-6)
        assert len(set(np.ravel(read.infos["patient"]).tolist())) == 1
    made = data.recover_environment()
    assert made.reset(seed=0)[0].shape == env.observation_space.shape
tell("minari", "DataCollector with infos", "load_dataset", "recover_environment")
